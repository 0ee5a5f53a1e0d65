// Waits for a signal and exits with its number; counts how many came at once.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    sigset_t set;
    int signal = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    free(malloc(100));
    puts("ready");
    fflush(stdout);
    sigwait(&set, &signal);
    printf("got %d\n", signal);
    return signal;
}
