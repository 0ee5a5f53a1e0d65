// Parts that the programs share: assertions, and their own account of what they allocate.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A function that allocates and can be found by its name in a stack.
#define SITE __attribute__((noinline, noclone))

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);       \
            exit(99);                                                                     \
        }                                                                                 \
    } while (0)

// The events of one site, as a profiler should count them.
struct account {
    const char *site;
    uint64_t bytes, blocks, freed_bytes, freed_blocks;
};

#define ACCOUNT(site) struct account account_of_##site = {#site, 0, 0, 0, 0}

static inline void made(struct account *account, size_t size) {
    account->bytes += size;
    account->blocks += 1;
}

static inline void gone(struct account *account, size_t size) {
    account->freed_bytes += size;
    account->freed_blocks += 1;
}

// A reallocation: one more block of the whole new size, and the old one is gone.
static inline void remade(struct account *account, size_t old, size_t size) {
    made(account, size);
    gone(account, old);
}

static inline void print_account(const char *prefix, const struct account *account) {
    printf("%scounted %s %llu %llu %llu %llu\n", prefix, account->site,
           (unsigned long long)account->bytes, (unsigned long long)account->blocks,
           (unsigned long long)(account->bytes - account->freed_bytes),
           (unsigned long long)(account->blocks - account->freed_blocks));
}

// The compiler must not know a size that it would warn of, nor leave out a block that nobody reads.
static inline size_t any(size_t size) {
    __asm__ volatile("" : "+r"(size));
    return size;
}

static inline void *used(void *block) {
    __asm__ volatile("" : "+r"(block) : : "memory");
    return block;
}

// Fills a block with bytes that tell it from others.
static inline void fill(void *block, size_t size, unsigned seed) {
    unsigned char *bytes = (unsigned char *)used(block);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(seed * 31 + i * 7 + 1);
    }
}

static inline int is_filled(const void *block, size_t size, unsigned seed) {
    const unsigned char *bytes = (const unsigned char *)used((void *)block);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != (unsigned char)(seed * 31 + i * 7 + 1)) {
            return 0;
        }
    }
    return 1;
}

// The case of this name out of a list that ends with an empty one.
struct test_case {
    const char *name;
    void (*run)(void);
};

static inline int run_case(const struct test_case *cases, int argc, char **argv) {
    for (; argc > 1 && cases->name; cases++) {
        if (strcmp(argv[1], cases->name) == 0) {
            cases->run();
            return 0;
        }
    }
    fprintf(stderr, "no such case\n");
    return 98;
}
