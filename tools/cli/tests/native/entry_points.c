// Every entry point of glibc's allocator, held against its manual; the case is the argument.
#define _GNU_SOURCE
#include "checks.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

enum { BLOCKS = 200 };

static int is_aligned(const void *block, size_t alignment) {
    return (uintptr_t)block % alignment == 0;
}

static ACCOUNT(site_malloc);
static SITE void *site_malloc(size_t size) {
    errno = 77;
    void *block = malloc(any(size));
    CHECK(block && errno == 77 && is_aligned(block, 16));
    made(&account_of_site_malloc, size);
    return used(block);
}

static void free_of_malloc(void *block, size_t size) {
    errno = 78;
    free(block);
    CHECK(errno == 78);
    gone(&account_of_site_malloc, size);
}

static void case_malloc(void) {
    void *blocks[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = site_malloc(i * i);
        fill(blocks[i], i * i, i);
    }
    for (unsigned i = 0; i < BLOCKS; i += 2) {
        CHECK(is_filled(blocks[i], i * i, i));
        free_of_malloc(blocks[i], i * i);
    }
    for (unsigned i = 1; i < BLOCKS; i += 2) {
        CHECK(is_filled(blocks[i], i * i, i));
    }
    free(NULL);
    print_account("", &account_of_site_malloc);
}

// Zero bytes are a block of its own, which can be freed.
static void case_zero(void) {
    void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = site_malloc(0);
        for (int j = 0; j < i; j++) {
            CHECK(blocks[i] != blocks[j]);
        }
    }
    for (int i = 0; i < BLOCKS - 3; i++) {
        free_of_malloc(blocks[i], 0);
    }
    void *zeroed = calloc(any(0), 8), *reallocated = realloc(NULL, any(0));
    CHECK(zeroed && reallocated && zeroed != reallocated);
    free(zeroed);
    free(reallocated);
    print_account("", &account_of_site_malloc);
}

static ACCOUNT(site_calloc);
static SITE unsigned char *site_calloc(size_t count, size_t size) {
    errno = 77;
    unsigned char *block = calloc(any(count), any(size));
    CHECK(block && errno == 77 && is_aligned(block, 16));
    made(&account_of_site_calloc, count * size);
    for (size_t i = 0; i < count * size; i++) {
        CHECK(block[i] == 0);
    }
    return used(block);
}

static void case_calloc(void) {
    // Memory that was freed before is not zero any more, and has to become it again.
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 1; i < BLOCKS; i++) {
            unsigned char *block = site_calloc(i, 3 + round);
            size_t all = malloc_usable_size(block);
            memset(block, 0xee, all);
            if (round || i % 7) {
                free(block);
                gone(&account_of_site_calloc, (size_t)i * (3 + round));
            }
        }
    }
    unsigned char *large = site_calloc(3, 1 << 20);
    memset(large, 0xee, 3 << 20);
    free(large);
    gone(&account_of_site_calloc, 3 << 20);
    print_account("", &account_of_site_calloc);
}

static SITE void *site_refused(size_t count, size_t size) {
    errno = 0;
    void *block = calloc(any(count), any(size));
    CHECK(!block && errno == ENOMEM);
    errno = 0;
    CHECK(!reallocarray(NULL, any(count), any(size)) && errno == ENOMEM);
    return block;
}

// Sizes that cannot be. Nothing of it is an event.
static void case_overflow(void) {
    static ACCOUNT(site_refused);
    site_refused(SIZE_MAX, 2);
    site_refused(2, SIZE_MAX);
    site_refused(SIZE_MAX / 2 + 1, 2);
    site_refused((size_t)1 << 33, (size_t)1 << 33);
    site_refused(SIZE_MAX, SIZE_MAX);
    site_refused(PTRDIFF_MAX, 1);
    site_refused(1, (size_t)PTRDIFF_MAX + 1);
    size_t sizes[] = {PTRDIFF_MAX - 100, PTRDIFF_MAX - 8, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1,
                      SIZE_MAX - 4096, SIZE_MAX - 16, SIZE_MAX - 8, SIZE_MAX - 7, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        errno = 0;
        CHECK(!malloc(any(sizes[i])) && errno == ENOMEM);
        errno = 0;
        CHECK(!valloc(any(sizes[i])) && errno == ENOMEM);
        errno = 0;
        CHECK(!pvalloc(any(sizes[i])) && errno == ENOMEM);
        errno = 0;
        CHECK(!memalign(64, any(sizes[i])) && errno == ENOMEM);
        errno = 0;
        CHECK(!aligned_alloc(64, any(sizes[i])) && errno == ENOMEM);
        errno = 55;
        void *block = &sizes;
        CHECK(posix_memalign(&block, 64, any(sizes[i])) == ENOMEM && block == &sizes);
        printf("errno after posix_memalign %d\n", errno);
    }
    print_account("", &account_of_site_refused);
}

static ACCOUNT(site_realloc_began);
static SITE void *site_realloc_began(size_t size) {
    void *block = realloc(NULL, any(size));
    CHECK(block && is_aligned(block, 16));
    made(&account_of_site_realloc_began, size);
    return used(block);
}

static SITE void *site_realloc_went_on(void *block, size_t old, size_t size) {
    errno = 77;
    block = realloc(block, any(size));
    CHECK(block && errno == 77 && is_aligned(block, 16));
    remade(&account_of_site_realloc_began, old, size);
    return used(block);
}

// A block stays with the site that began it. Up and down, in place and not, small and mapped.
static void case_realloc(void) {
    static ACCOUNT(site_realloc_went_on);
    size_t sizes[] = {1,   24,    25,     100,     99,  40,      4000,    8,       200000, 70,
                      1,   50000, 150000, 3000000, 100, 5000000, 6000000, 2000000, 33,     32,
                      140, 133000};
    for (unsigned round = 0; round < 8; round++) {
        size_t size = 10 + round;
        unsigned char *block = site_realloc_began(size);
        fill(block, size, round);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t next = sizes[i] + round;
            block = site_realloc_went_on(block, size, next);
            CHECK(is_filled(block, next < size ? next : size, round));
            fill(block, next, round);
            size = next;
        }
        if (round % 2) {
            free(block);
            gone(&account_of_site_realloc_began, size);
        }
    }
    print_account("", &account_of_site_realloc_began);
    print_account("", &account_of_site_realloc_went_on);
}

static ACCOUNT(site_reallocarray);
static SITE void *site_reallocarray(void *block, size_t old, size_t count, size_t size) {
    block = reallocarray(block, any(count), any(size));
    CHECK(block && is_aligned(block, 16));
    if (old) {
        gone(&account_of_site_reallocarray, old);
    }
    made(&account_of_site_reallocarray, count * size);
    return used(block);
}

// The edges: to nothing is a free, from nothing is a malloc, a failure leaves the block as it was.
static ACCOUNT(site_to_nothing);
static SITE void *site_to_nothing(size_t size) {
    void *block = malloc(any(size));
    CHECK(block);
    made(&account_of_site_to_nothing, size);
    fill(block, size, 4);
    return used(block);
}

// Frees the block, or makes one of no bytes of it: allocators differ.
static void case_realloc_to_nothing(void) {
    size_t sizes[] = {0, 16, 100, 1000, 100000, 10000000};
    for (int i = 0; i < 6; i++) {
        void *block = site_to_nothing(sizes[i]);
        errno = 77;
        char *empty = realloc(block, any(0));
        printf("%s, errno %d\n", empty ? "a block" : "nothing", empty ? 0 : errno);
        gone(&account_of_site_to_nothing, sizes[i]);
        if (!empty) {
            continue;
        }
        made(&account_of_site_to_nothing, 0);
        if (i % 2) {
            empty = realloc(empty, any(50));
            CHECK(empty);
            remade(&account_of_site_to_nothing, 0, 50);
            fill(empty, 50, i);
            free(empty);
            gone(&account_of_site_to_nothing, 50);
        }
    }
    print_account("", &account_of_site_to_nothing);
}

static void case_realloc_edges(void) {
    void *block = site_malloc(1000);
    fill(block, 1000, 5);
    size_t refused[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 8, SIZE_MAX};
    for (int i = 0; i < 4; i++) {
        errno = 0;
        CHECK(!realloc(block, any(refused[i])) && errno == ENOMEM);
        errno = 0;
        CHECK(!reallocarray(block, any(refused[i]), 2) && errno == ENOMEM);
        CHECK(is_filled(block, 1000, 5));
    }
    free_of_malloc(block, 1000);
    free_of_malloc(site_malloc(7), 7);
    site_malloc(12);

    char *array = site_reallocarray(NULL, 0, 10, 12);
    array = site_reallocarray(array, 120, 1000, 3);
    array = site_reallocarray(array, 3000, 5, 5);
    CHECK(array);
    print_account("", &account_of_site_malloc);
    print_account("", &account_of_site_reallocarray);
}

#define ALIGNED(name, call)                                                               \
    static ACCOUNT(site_##name);                                                          \
    static SITE void *site_##name(size_t alignment, size_t size) {                        \
        void *block = call;                                                               \
        CHECK(block && is_aligned(block, alignment) && is_aligned(block, 16));            \
        made(&account_of_site_##name, size);                                              \
        return used(block);                                                               \
    }

static void *by_posix_memalign(size_t alignment, size_t size) {
    void *block = NULL;
    errno = 77;
    CHECK(posix_memalign(&block, any(alignment), any(size)) == 0 && errno == 77);
    return block;
}

ALIGNED(posix_memalign, by_posix_memalign(alignment < 8 ? 8 : alignment, size))
ALIGNED(aligned_alloc, aligned_alloc(any(alignment), any(size)))
ALIGNED(memalign, memalign(any(alignment), any(size)))
ALIGNED(valloc, ((void)alignment, valloc(any(size))))
ALIGNED(pvalloc, ((void)alignment, pvalloc(any(size))))

typedef void *(*aligned)(size_t, size_t);

static void some_aligned(aligned allocate, struct account *account, size_t first, size_t last) {
    for (size_t alignment = first; alignment <= last; alignment *= 2) {
        size_t sizes[] = {0, 1, 24, 100, alignment, 3 * alignment + 5};
        for (unsigned i = 0; i < 6; i++) {
            unsigned char *block = allocate(alignment, sizes[i]);
            size_t usable = malloc_usable_size(block);
            CHECK(usable >= sizes[i]);
            fill(block, usable, i);
            block = realloc(block, any(sizes[i] + 1));
            CHECK(is_filled(block, sizes[i], i));
            remade(account, sizes[i], sizes[i] + 1);
            if (i % 3) {
                free(block);
                gone(account, sizes[i] + 1);
            }
        }
    }
    print_account("", account);
}

static void case_aligned(void) {
    some_aligned(site_posix_memalign, &account_of_site_posix_memalign, 8, 1 << 21);
    some_aligned(site_aligned_alloc, &account_of_site_aligned_alloc, 1, 1 << 21);
    some_aligned(site_memalign, &account_of_site_memalign, 1, 1 << 21);
    some_aligned(site_valloc, &account_of_site_valloc, 4096, 4096);
    some_aligned(site_pvalloc, &account_of_site_pvalloc, 4096, 4096);
    unsigned char *page = pvalloc(any(1));
    CHECK(malloc_usable_size(page) >= 4096);
    memset(page, 1, 4096);
    free(page);
}

static void case_bad_alignments(void) {
    size_t bad[] = {0, 1, 2, 3, 4, 7, 12, 24, 48, 100, SIZE_MAX, ((size_t)1 << 62) + 8};
    for (int i = 0; i < 12; i++) {
        void *block = &bad;
        errno = 55;
        CHECK(posix_memalign(&block, any(bad[i]), 10) == EINVAL);
        CHECK(block == &bad && errno == 55);
        // Versions of glibc differ in these; we must not.
        errno = 55;
        block = aligned_alloc(any(bad[i]), 10);
        printf("aligned_alloc %zu: %d %d\n", bad[i], block != NULL, errno);
        free(block);
        errno = 55;
        block = memalign(any(bad[i]), 10);
        printf("memalign %zu: %d %d\n", bad[i], block != NULL, errno);
        free(block);
    }
    for (int shift = 40; shift < 64; shift++) {
        void *block = NULL;
        printf("%d: %d", shift, posix_memalign(&block, (size_t)1 << shift, 10));
        errno = 0;
        printf(" %d", memalign((size_t)1 << shift, any(10)) != NULL);
        printf(" %d\n", errno);
    }
}

// All of what is usable may be written, again and again, by any way of getting it.
static void case_usable(void) {
    CHECK(malloc_usable_size(NULL) == 0);
    void *blocks[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = (size_t)i * i * i / 8;
        blocks[i] = i % 3 ? site_malloc(size) : site_calloc(1, size);
        CHECK(malloc_usable_size(blocks[i]) >= size);
    }
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            fill(blocks[i], malloc_usable_size(blocks[i]), i + round);
        }
        for (unsigned i = 0; i < BLOCKS; i++) {
            size_t usable = malloc_usable_size(blocks[i]);
            CHECK(is_filled(blocks[i], usable, i + round));
            memset(blocks[i], round % 2 ? 0xff : 0, usable);
        }
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = (size_t)i * i * i / 8, usable = malloc_usable_size(blocks[i]);
        // To what was usable already: the usual way to make use of it.
        blocks[i] = realloc(blocks[i], usable);
        CHECK(blocks[i] && malloc_usable_size(blocks[i]) >= usable);
        fill(blocks[i], malloc_usable_size(blocks[i]), i);
        // Only how much it is may differ from glibc's.
        struct account *account = i % 3 ? &account_of_site_malloc : &account_of_site_calloc;
        remade(account, size, usable);
        free(blocks[i]);
        gone(account, usable);
    }
    print_account("varies ", &account_of_site_malloc);
    print_account("varies ", &account_of_site_calloc);
}

const struct test_case cases[] = {
    {"malloc", case_malloc},
    {"zero", case_zero},
    {"calloc", case_calloc},
    {"overflow", case_overflow},
    {"realloc", case_realloc},
    {"realloc-to-nothing", case_realloc_to_nothing},
    {"realloc-edges", case_realloc_edges},
    {"aligned", case_aligned},
    {"bad-alignments", case_bad_alignments},
    {"usable", case_usable},
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return run_case(cases, argc, argv);
}
