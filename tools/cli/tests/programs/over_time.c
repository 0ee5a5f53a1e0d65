// A heap over time that is known: in each phase it allocates, says so, and waits for a line.
//
//   over_time         the phases, then its end
//   over_time thread  likewise, in a second thread
//   over_time fork    the first phase; the third one in a forked child
//   over_time steps   a block of 10 bytes for each line, until there is none
//
// The end of standard input ends it, so that it does not outlive a test. Only the functions of the
// phases allocate.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *at_plateau;
static void *volatile kept;

__attribute__((noinline)) static void site_plateau(void) {
    at_plateau = malloc(1000000);
    memset(at_plateau, 1, 1000000);
}

__attribute__((noinline)) static void site_spike(void) {
    kept = malloc(50000000);
    free(kept);
}

__attribute__((noinline)) static void site_leak(void) {
    for (int i = 0; i < 100; i++)
        kept = malloc(1000);
}

__attribute__((noinline)) static void step(void) { kept = malloc(10); }

// Says that a phase is over, and waits for a line. 0: standard input has ended.
static int passed(char phase) {
    char line[2] = {phase, '\n'};
    if (write(1, line, 2) != 2)
        return 0;
    do {
        if (read(0, line, 1) != 1)
            return 0;
    } while (line[0] != '\n');
    return 1;
}

static void *phases(void *nothing) {
    site_plateau();
    if (!passed('1'))
        return nothing;
    site_spike();
    if (!passed('2'))
        return nothing;
    site_leak();
    if (!passed('3'))
        return nothing;
    free(at_plateau);
    passed('4');
    return nothing;
}

static void forks(void) {
    site_plateau();
    if (!passed('1'))
        return;
    pid_t child = fork();
    if (child == 0) {
        site_leak();
        passed('2');
        exit(0);
    }
    waitpid(child, NULL, 0);
    passed('3');
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    if (strcmp(how, "thread") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, phases, NULL);
        pthread_join(thread, NULL);
    } else if (strcmp(how, "fork") == 0) {
        forks();
    } else if (strcmp(how, "steps") == 0) {
        while (passed('.'))
            step();
    } else {
        phases(NULL);
    }
    return 0;
}
