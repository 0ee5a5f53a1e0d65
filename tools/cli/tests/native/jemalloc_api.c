// jemalloc's own functions, mixed with C's as jemalloc's manual allows; linked with it.
#include "checks.h"

extern void *mallocx(size_t, int);
extern void *rallocx(void *, size_t, int);
extern size_t xallocx(void *, size_t, size_t, int);
extern size_t sallocx(const void *, int);
extern void dallocx(void *, int);
extern void sdallocx(void *, size_t, int);
extern size_t nallocx(size_t, int);
extern size_t malloc_usable_size(void *);

enum { ZERO = 0x40, NO_CACHE = 1 << 8, BLOCKS = 300 };
static const size_t sizes[] = {1, 8, 16, 48, 64, 112, 128, 320, 1024, 4096, 14336, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static int is_zero(const unsigned char *bytes, size_t from, size_t to) {
    for (; from < to; from++) {
        if (bytes[from]) {
            return 0;
        }
    }
    return 1;
}

static ACCOUNT(site_mallocx);
static SITE void *site_mallocx(size_t size, int flags) {
    void *block = mallocx(any(size), flags);
    CHECK(block && (uintptr_t)block % ((size_t)1 << (flags & 0x3f)) == 0);
    made(&account_of_site_mallocx, size);
    size_t usable = sallocx(block, flags);
    CHECK(usable >= size && usable == nallocx(size, flags) && usable == malloc_usable_size(block));
    if (flags & ZERO) {
        CHECK(is_zero(block, 0, size));
    }
    // All that is usable may be written.
    memset(block, 0xee, usable);
    return used(block);
}

static ACCOUNT(site_malloc);
static SITE void *site_malloc(size_t size) {
    void *block = malloc(any(size));
    CHECK(block);
    made(&account_of_site_malloc, size);
    return used(block);
}

static struct account *account_of(int of_mallocx) {
    return of_mallocx ? &account_of_site_mallocx : &account_of_site_malloc;
}

static void *give(int of_mallocx, size_t size, int flags) {
    return of_mallocx ? site_mallocx(size, flags) : site_malloc(size);
}

// Each way to give a block, with each way to take it back.
static void mixed(void) {
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = sizes[i % SIZES];
        int of_mallocx = i % 2, flags = of_mallocx && i % 3 == 0 ? ZERO : 0;
        void *block = give(of_mallocx, size, flags);
        switch (i % 5) {
        case 0: free(block); break;
        case 1: dallocx(block, 0); break;
        case 2: sdallocx(block, size, 0); break;
        case 3: sdallocx(block, sallocx(block, 0), NO_CACHE); break;
        default: continue; // stays
        }
        gone(account_of(of_mallocx), size);
    }
    for (int lg = 0; lg < 16; lg++) {
        size_t size = (size_t)1 << lg;
        void *block = site_mallocx(size, lg);
        sdallocx(block, size, lg);
        gone(&account_of_site_mallocx, size);
    }
}

static void resized(void) {
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = sizes[i % SIZES], other = sizes[i * 7 % SIZES];
        int of_mallocx = i % 2, zero = i % 3 ? ZERO : 0;
        unsigned char *block = give(of_mallocx, size, zero);
        fill(block, size, i);
        size_t usable = sallocx(block, 0), kept = other < size ? other : size;
        memset(block + size, 0xdd, usable - size);
        block = i % 4 ? rallocx(block, other, zero) : realloc(block, other);
        CHECK(block && is_filled(block, kept, i));
        remade(account_of(of_mallocx), size, other);
        if (i % 4 && zero && other > usable) {
            CHECK(is_zero(block, usable, other));
        }
        fill(block, other, i + 1);
        if (i % 10) {
            sdallocx(block, other, 0);
            gone(account_of(of_mallocx), other);
        }
    }
}

// In its place a block may be resized or not; then it is as it was.
static void resized_in_place(void) {
    int grown = 0, stayed = 0;
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = sizes[i % SIZES], other = i % 3 ? size + size / 4 : size / 2 + 1;
        size_t extra = i % 2 ? 0 : size / 8;
        unsigned char *block = site_mallocx(size, 0);
        fill(block, size, i);
        size_t before = sallocx(block, 0), after = xallocx(block, other, extra, i % 5 ? 0 : ZERO);
        CHECK(after == sallocx(block, 0) && is_filled(block, other < size ? other : size, i));
        if (after >= other) {
            grown++;
            size_t most = other + extra;
            remade(&account_of_site_mallocx, size, after < most ? after : most);
            size = after < most ? after : most;
            fill(block, after, i);
        } else {
            stayed++;
            CHECK(after == before);
        }
        if (i % 6) {
            dallocx(block, 0);
            gone(&account_of_site_mallocx, size);
        }
    }
    CHECK(grown && stayed);
}

static void refused(void) {
    CHECK(!mallocx(any(PTRDIFF_MAX), 0) && !mallocx(any(SIZE_MAX), ZERO));
    void *block = site_mallocx(100, 0);
    memset(block, 5, 100);
    CHECK(!rallocx(block, any(PTRDIFF_MAX), 0) && !rallocx(block, any(SIZE_MAX - 8), ZERO));
    CHECK(xallocx(block, 100, SIZE_MAX - 100, 0) >= 100);
    remade(&account_of_site_mallocx, 100, sallocx(block, 0));
    CHECK(nallocx(any(SIZE_MAX), 0) == 0);
}

int main(void) {
    mixed();
    resized();
    resized_in_place();
    refused();
    // In its place a block is resized as far as there is room, which is less with us.
    print_account("varies ", &account_of_site_mallocx);
    print_account("", &account_of_site_malloc);
    return 0;
}
