/* Threads that wait for threads that map memory. The argument: collector, constructor and the library
   maps_constructor, many, or data. Ends by SIGALRM if they wait for ever. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAP(n) mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
enum { PAGE = 4096, TIMES = 300, MANY = 70000 };

static atomic_int parked, may_go, is_over;

static void park(int signal) {
    (void)signal;
    parked = 1;
    while (!may_go) sched_yield();
    parked = 0;
}

static void *mutate(void *none) {
    while (!is_over) munmap(MAP(1 << 20), 1 << 20);
    return none;
}

/* As a garbage collector: stops the other thread in a handler, wherever it is, and maps memory. */
static void collect(void) {
    struct sigaction action = {.sa_handler = park};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, mutate, NULL);
    for (int i = 0; i < TIMES; i++) {
        may_go = 0;
        pthread_kill(thread, SIGUSR1);
        while (!parked) sched_yield();
        munmap(MAP(PAGE), PAGE);
        may_go = 1;
        while (parked) sched_yield();
    }
    is_over = 1;
    pthread_join(thread, NULL);
}

static int site_many(void) {
    for (int i = 0; i < MANY; i++)
        if (MAP(PAGE) == MAP_FAILED) return 9;
    return 0;
}

/* To 100,000 bytes more, 30,000, and to before the data, which changes nothing and is no error. */
static int site_data(void) {
    char *start = sbrk(0);
    return brk(start + 100000) || brk(start + 30000) || brk((void *)1) || sbrk(0) != start + 30000;
}

int main(int count, char **arguments) {
    alarm(60);
    const char *way = count > 1 ? arguments[1] : "";
    if (strcmp(way, "collector") == 0) collect();
    if (strcmp(way, "constructor") == 0 && !dlopen(arguments[2], RTLD_NOW)) return 8;
    if (strcmp(way, "many") == 0 && site_many()) return 9;
    if (strcmp(way, "data") == 0 && site_data()) return 7;
    puts("over");
    return 0;
}
