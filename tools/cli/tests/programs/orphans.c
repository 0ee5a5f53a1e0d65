// Leaves a grandchild to process 1, and sees whether it stays as a zombie when it has ended.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int ends[2];
    pid_t orphan;
    free(malloc(100));
    if (pipe(ends) != 0) return 2;
    pid_t child = fork();
    if (child == 0) {
        orphan = fork();
        if (orphan == 0) {
            // Ends when it is one.
            while (getppid() != 1) usleep(1000);
            _exit(3);
        }
        _exit(write(ends[1], &orphan, sizeof orphan) != sizeof orphan);
    }
    int status;
    waitpid(child, &status, 0);
    if (read(ends[0], &orphan, sizeof orphan) != sizeof orphan) return 2;
    for (int turn = 0; turn < 30000; turn++) {
        if (kill(orphan, 0) != 0 && errno == ESRCH) return 7;
        usleep(1000);
    }
    return 1;
}
