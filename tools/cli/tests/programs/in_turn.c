/* Threads that allocate, one after another: as many as the argument says. */
#include <pthread.h>
#include <stdlib.h>

static void *run(void *unused) {
    (void)unused;
    free(malloc(100));
    return NULL;
}

int main(int argc, char **argv) {
    for (int left = argc > 1 ? atoi(argv[1]) : 0; left > 0; left--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, NULL) != 0 || pthread_join(thread, NULL) != 0)
            return 1;
    }
    return 0;
}
