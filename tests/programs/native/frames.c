/* Frames of every shape that a C compiler makes, and callbacks out of the C library. */
#define _GNU_SOURCE
#include <alloca.h>
#include <link.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX__
#include <immintrin.h>
#endif

#include "host.h"

static const struct host *host;

/* The stack pointer moves while the frame stays. */
NODE(alloca) {
    size_t mark = host->enter(__func__);
    for (size_t rounds = 1 + host->below(walk, 3); rounds > 0; rounds--) {
        touch(alloca(1 + host->below(walk, 500)));
        host->step(walk);
    }
    host->leave(mark);
}

/* The stack pointer moves and comes back. */
NODE(array) {
    size_t mark = host->enter(__func__);
    for (size_t rounds = 1 + host->below(walk, 2); rounds > 0; rounds--) {
        char room[1 + host->below(walk, 1000)];
        touch(room);
        host->step(walk);
    }
    host->step(walk);
    host->leave(mark);
}

/* Too large for an offset in a packed rule. */
NODE(large) {
    char room[300 << 10];
    size_t mark = host->enter(__func__);
    touch(room);
    host->step(walk);
    host->leave(mark);
}

NODE(huge) {
    char room[1200 << 10];
    size_t mark = host->enter(__func__);
    touch(room);
    host->step(walk);
    host->step(walk);
    host->leave(mark);
}

NODE(aligned) {
    _Alignas(64) char line[64];
    size_t mark = host->enter(__func__);
    touch(line);
    host->step(walk);
    host->leave(mark);
}

/* Aligned, and of a size that is not known: no register is left to count from but one. */
NODE(aligned_alloca) {
    _Alignas(128) char line[128];
    size_t mark = host->enter(__func__);
    touch(line);
    touch(alloca(1 + host->below(walk, 300)));
    host->step(walk);
    touch(line);
    host->step(walk);
    host->leave(mark);
}

NODE(page) {
    _Alignas(4096) char page[4096];
    size_t mark = host->enter(__func__);
    touch(page);
    host->step(walk);
    host->leave(mark);
}

#ifdef __AVX__
/* A register of 32 bytes has to be saved across the call, at an aligned place. */
NODE(vector) {
    size_t mark = host->enter(__func__);
    __m256d sum = _mm256_set1_pd((double)host->below(walk, 100));
    host->step(walk);
    __m256d more = _mm256_add_pd(sum, _mm256_set1_pd(1.0));
    host->step(walk);
    double values[4];
    _mm256_storeu_pd(values, _mm256_mul_pd(sum, more));
    touch(values);
    host->leave(mark);
}
#endif

/* Called with arguments on the stack: there the caller's frame is larger than elsewhere. */
static __attribute__((noipa)) size_t many(struct walk *walk, size_t b, size_t c, size_t d, size_t e,
                                          size_t f, size_t g, size_t h, size_t i, size_t j) {
    host->step(walk);
    return b + c + d + e + f + g + h + i + j;
}

NODE(arguments) {
    size_t mark = host->enter(__func__);
    size_t sum = many(walk, 1, 2, 3, 4, 5, 6, 7, 8, mark);
    host->step(walk);
    sum += many(walk, sum, 2, 3, 4, 5, 6, sum, 8, 9);
    touch(&sum);
    host->leave(mark);
}

struct large_value {
    size_t words[40];
};

static __attribute__((noipa)) struct large_value by_value(struct walk *walk,
                                                         struct large_value value) {
    host->step(walk);
    value.words[1] += value.words[0];
    return value;
}

NODE(value) {
    size_t mark = host->enter(__func__);
    struct large_value value;
    memset(&value, 1, sizeof value);
    value = by_value(walk, value);
    touch(&value);
    host->step(walk);
    host->leave(mark);
}

static __attribute__((noipa)) size_t variadic(struct walk *walk, size_t count, ...) {
    va_list list;
    va_start(list, count);
    size_t sum = 0;
    while (count-- > 0) {
        sum += va_arg(list, size_t);
        host->step(walk);
    }
    va_end(list);
    return sum;
}

NODE(variadic) {
    size_t mark = host->enter(__func__);
    size_t sum = variadic(walk, host->below(walk, 3), mark, mark, mark);
    touch(&sum);
    host->leave(mark);
}

/* At -O2 a jump: it is on nobody's stack then. */
static __attribute__((noipa)) void tail(struct walk *walk) {
    return host->step(walk);
}

NODE(before_tail) {
    size_t mark = host->enter(__func__);
    tail(walk);
    tail(walk);
    host->leave(mark);
}

NODE(recursive) {
    size_t mark = host->enter(__func__);
    if (host->below(walk, 3) > 0)
        NODE_NAME(recursive)(walk);
    host->step(walk);
    host->leave(mark);
}

static __attribute__((noipa)) void NODE_NAME(jumps_out)(struct walk *walk, jmp_buf *out,
                                                         size_t depth) {
    size_t mark = host->enter(__func__);
    char room[1 + host->below(walk, 200)];
    touch(room);
    host->step(walk);
    if (depth > 0)
        NODE_NAME(jumps_out)(walk, out, depth - 1);
    else if (host->below(walk, 4) > 0)
        longjmp(*out, 1);
    touch(room);
    host->leave(mark);
}

/* Goes down some frames and jumps out of all of them at once. */
NODE(jumps) {
    size_t mark = host->enter(__func__);
    jmp_buf out;
    if (setjmp(out) == 0)
        NODE_NAME(jumps_out)(walk, &out, host->below(walk, 5));
    host->leave(mark);
    host->enter(__func__);
    host->step(walk);
    host->leave(mark);
}

static int compare(const void *one, const void *other) {
    struct walk *walk = host->current();
    if (host->below(walk, 4) == 0)
        host->step(walk);
    size_t a = *(const size_t *)one, b = *(const size_t *)other;
    return (a > b) - (a < b);
}

/* The C library's frames between. */
NODE(sort) {
    size_t mark = host->enter(__func__);
    size_t numbers[8];
    for (size_t i = 0; i < 8; i++)
        numbers[i] = host->below(walk, 1000);
    qsort(numbers, 8, sizeof *numbers, compare);
    touch(bsearch(&numbers[5], numbers, 8, sizeof *numbers, compare));
    host->leave(mark);
}

static void visit(const void *node, VISIT which, int depth) {
    (void)node, (void)depth;
    if (which == postorder || which == leaf)
        host->step(host->current());
}

NODE(tree) {
    size_t mark = host->enter(__func__);
    size_t numbers[4];
    void *root = NULL;
    for (size_t i = 0; i < 4; i++) {
        numbers[i] = host->below(walk, 1000);
        tsearch(&numbers[i], &root, compare);
    }
    twalk(root, visit);
    for (size_t i = 0; i < 4; i++)
        tdelete(&numbers[i], &root, compare);
    host->leave(mark);
}

static int at_object(struct dl_phdr_info *info, size_t size, void *count) {
    (void)info, (void)size;
    host->step(host->current());
    return ++*(int *)count >= 2;
}

/* The loader's lock is held meanwhile. */
NODE(objects) {
    size_t mark = host->enter(__func__);
    int count = 0;
    host->step(walk);
    dl_iterate_phdr(at_object, &count);
    host->leave(mark);
}

static const struct node nodes[] = {
    {NODE_NAME(alloca), 2 << 10},
    {NODE_NAME(array), 2 << 10},
    {NODE_NAME(large), 320 << 10},
    {NODE_NAME(huge), 1300 << 10},
    {NODE_NAME(aligned), 1 << 10},
    {NODE_NAME(aligned_alloca), 1 << 10},
    {NODE_NAME(page), 12 << 10},
#ifdef __AVX__
    {NODE_NAME(vector), 1 << 10},
#endif
    {NODE_NAME(arguments), 1 << 10},
    {NODE_NAME(value), 2 << 10},
    {NODE_NAME(variadic), 1 << 10},
    {NODE_NAME(before_tail), 1 << 10},
    {NODE_NAME(recursive), 1 << 10},
    {NODE_NAME(jumps), 2 << 10},
    {NODE_NAME(sort), 4 << 10},
    {NODE_NAME(tree), 4 << 10},
    {NODE_NAME(objects), 4 << 10},
    {NULL, 0},
};

const struct node *native_start(const struct host *offered) {
    host = offered;
    return nodes;
}
