/* Maps memory by itself, in ways whose numbers are known. The argument: nothing, kill (ends by SIGKILL), or
   random. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1 << 20)
#define FLAGS (MAP_PRIVATE | MAP_ANONYMOUS)

__attribute__((noinline)) static char *site_arena(size_t n) { return mmap(NULL, n, PROT_READ | PROT_WRITE, FLAGS, -1, 0); }
__attribute__((noinline)) static char *site_spike(size_t n) { return mmap(NULL, n, PROT_READ | PROT_WRITE, FLAGS, -1, 0); }
__attribute__((noinline)) static char *site_moved(size_t n) { return mmap(NULL, n, PROT_READ | PROT_WRITE, FLAGS, -1, 0); }
__attribute__((noinline)) static char *site_reserve(size_t n) { return mmap(NULL, n, PROT_NONE, FLAGS | MAP_NORESERVE, -1, 0); }
__attribute__((noinline)) static char *site_over(char *at, size_t n) { return mmap(at, n, PROT_READ | PROT_WRITE, FLAGS | MAP_FIXED, -1, 0); }
__attribute__((noinline)) static char *site_file(int file, size_t n) { return mmap64(NULL, n, PROT_READ, MAP_PRIVATE, file, 0); }
__attribute__((noinline)) static void *site_thread(void *n) { return mmap(NULL, (size_t)n, PROT_READ | PROT_WRITE, FLAGS, -1, 0); }
__attribute__((noinline)) static void *site_break(long n) { return sbrk(n); }

/* Random mappings over each other, of pages whose owners are known. Says how many bytes each has at the end. */
__attribute__((noinline)) static char *site_one(char *at, size_t n) { return mmap(at, n, PROT_READ, FLAGS | MAP_FIXED, -1, 0); }
__attribute__((noinline)) static char *site_two(char *at, size_t n) { return mmap(at, n, PROT_READ, FLAGS | MAP_FIXED, -1, 0); }

static unsigned long state = 88172645463325252ul;
static size_t below(size_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static int at_random(void) {
    enum { PAGES = 400, PAGE = 4096 };
    static char owner[PAGES];
    char *all = site_reserve(PAGES * PAGE);
    for (int i = 0; i < 20000; i++) {
        size_t first = below(PAGES), n = 1 + below(PAGES - first < 30 ? PAGES - first : 30), what = below(4);
        if (what == 3) {
            /* Half of it is moved to where the other half is, if it has one owner. */
            size_t half = n / 2, same = half > 0 && owner[first] != 3;
            for (size_t k = 0; k < half; k++) same = same && owner[first + k] == owner[first];
            if (!same) continue;
            if (mremap(all + first * PAGE, half * PAGE, half * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                       all + (first + half) * PAGE) == MAP_FAILED)
                continue;
            memset(owner + first + half, owner[first], half);
            memset(owner + first, 3, half);
        } else {
            if (what == 2) munmap(all + first * PAGE, n * PAGE);
            else if ((what ? site_two : site_one)(all + first * PAGE, n * PAGE) == MAP_FAILED) return 6;
            memset(owner + first, what == 2 ? 3 : what + 1, n);
        }
    }
    long bytes[4] = {0};
    for (int i = 0; i < PAGES; i++) bytes[(int)owner[i]] += PAGE;
    printf("site_reserve %ld site_one %ld site_two %ld\n", bytes[0], bytes[1], bytes[2]);
    return 0;
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "random") == 0) return at_random();
    /* 8 MiB, of which one in the middle and the last are given back: 6 MiB stay. */
    char *arena = site_arena(8 * MIB);
    memset(arena, 1, 8 * MIB);
    munmap(arena + 3 * MIB, MIB);
    munmap(arena + 7 * MIB, MIB);
    /* Half a page more than 2 MiB is a page more. Grown to 4 MiB, which moves it or not. */
    char *moved = site_moved(2 * MIB + 100);
    moved = mremap(moved, 2 * MIB + 4096, 4 * MIB, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) return 9;
    /* 64 MiB of address space, 2 of which get memory in their place. */
    char *reserve = site_reserve(64 * MIB);
    site_over(reserve + MIB, 2 * MIB);
    char name[] = "/tmp/mapsXXXXXX";
    int file = mkstemp(name);
    unlink(name);
    if (ftruncate(file, MIB)) return 8;
    site_file(file, MIB);
    pthread_t thread;
    pthread_create(&thread, NULL, site_thread, (void *)(size_t)(3 * MIB));
    pthread_join(thread, NULL);
    site_break(MIB);
    site_break(-(MIB / 2));
    /* The most: 100 MiB more, for a moment. */
    char *spike = site_spike(100 * MIB);
    munmap(spike, 100 * MIB);
    if (munmap((char *)1, 5) == 0) return 7;
    puts("over");
    fflush(stdout);
    if (count > 1) raise(SIGKILL);
    return 0;
}
