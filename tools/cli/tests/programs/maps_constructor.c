/* A library whose constructor waits for a thread that maps memory, while the loader's lock is held. */
#include <pthread.h>
#include <sys/mman.h>

static void *map(void *none) {
    (void)none;
    return mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

__attribute__((constructor)) static void begin(void) {
    pthread_t thread;
    pthread_create(&thread, 0, map, 0);
    pthread_join(thread, 0);
}
