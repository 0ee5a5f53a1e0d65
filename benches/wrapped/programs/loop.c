/* An allocation-bound loop: malloc and free, nothing else.
 *
 *     loop SHAPE MILLISECONDS FILE
 *
 * SHAPE is `shallow` (one site, called from main), `deep32` (the same below 32 more frames) or
 * `sites` (2,048 sites in turn, each a stack of 11 frames of its own). Seven blocks of so many
 * milliseconds are timed, and the best is written to FILE: nanoseconds per pair of malloc and
 * free. A file, because profilers print on standard output too. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, noclone))
/* After a call: the call is no tail call, and has a frame. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

enum { DEPTH = 32, LEVELS = 11, SITES = 1 << LEVELS };

static void *volatile escaped;

/* One pair. Written out in each caller, so that this adds no frame. */
static inline __attribute__((always_inline)) void pair(void) {
    void *block = malloc(64);
    escaped = block;
    free(block);
}

static NOINLINE void shallow(long pairs) {
    for (long n = 0; n < pairs; n++)
        pair();
}

static NOINLINE void descend(int frames, long pairs) {
    if (frames == 0)
        shallow(pairs);
    else
        descend(frames - 1, pairs);
    KEEP_FRAME();
}

static NOINLINE void left(unsigned path, int level);
static NOINLINE void right(unsigned path, int level);

static inline __attribute__((always_inline)) void branch(unsigned path, int level) {
    if (level == LEVELS)
        pair();
    else if (path >> level & 1)
        right(path, level + 1);
    else
        left(path, level + 1);
    KEEP_FRAME();
}

static NOINLINE void left(unsigned path, int level) { branch(path, level); }
static NOINLINE void right(unsigned path, int level) { branch(path, level); }

/* Neighbours differ in their inner frames alone, as in a program that works through a tree. */
static NOINLINE void sites(long pairs) {
    for (long n = 0; n < pairs; n++) {
        unsigned site = n % SITES, path = 0;
        for (int level = 0; level < LEVELS; level++)
            path |= (site >> level & 1) << (LEVELS - 1 - level);
        branch(path, 0);
    }
}

static NOINLINE void deep32(long pairs) { descend(DEPTH, pairs); }

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static double timed(void (*work)(long), long pairs) {
    double start = now();
    work(pairs);
    return now() - start;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    void (*work)(long) = !strcmp(argv[1], "shallow")  ? shallow
                         : !strcmp(argv[1], "deep32") ? deep32
                         : !strcmp(argv[1], "sites")  ? sites
                                                      : NULL;
    double budget = atof(argv[2]) * 1e6;
    if (!work || budget <= 0)
        return 2;
    long pairs = SITES;
    while (timed(work, pairs) < budget)
        pairs *= 2;
    double best = 1e300;
    for (int block = 0; block < 7; block++) {
        double time = timed(work, pairs);
        if (time < best)
            best = time;
    }
    FILE *file = fopen(argv[3], "w");
    if (!file)
        return 1;
    fprintf(file, "%.4f\n", best / pairs);
    return fclose(file) != 0;
}
