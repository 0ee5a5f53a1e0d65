// Waits for a signal, or for as many as it is told, and exits with the last one's number. Nobody has to wait for it for ever.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int left = argc > 1 ? atoi(argv[1]) : 1;
    sigset_t set;
    int signal = 0;
    alarm(600);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    free(malloc(100));
    puts("ready");
    fflush(stdout);
    while (left-- > 0) {
        sigwait(&set, &signal);
        printf("got %d\n", signal);
        fflush(stdout);
    }
    return signal;
}
