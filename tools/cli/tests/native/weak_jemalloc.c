// Uses jemalloc's functions if they are there, as programs do, and C's if they are not.
#include "checks.h"

#pragma weak mallocx
#pragma weak rallocx
#pragma weak xallocx
#pragma weak sallocx
#pragma weak dallocx
#pragma weak sdallocx
#pragma weak nallocx
extern void *mallocx(size_t, int);
extern void *rallocx(void *, size_t, int);
extern size_t xallocx(void *, size_t, size_t, int);
extern size_t sallocx(const void *, int);
extern void dallocx(void *, int);
extern void sdallocx(void *, size_t, int);
extern size_t nallocx(size_t, int);

enum { ZERO = 0x40, BY_64 = 6 };

static SITE unsigned char *site_block(size_t size) {
    return used(mallocx ? mallocx(any(size), ZERO | BY_64) : calloc(1, any(size)));
}

static SITE unsigned char *site_larger(unsigned char *block, size_t size, size_t larger) {
    // Where there is none of jemalloc's, a new block takes the place of the old one.
    unsigned char *moved = rallocx ? rallocx(block, any(larger), BY_64) : realloc(block, any(larger));
    CHECK(moved && is_filled(moved, size, 3));
    return used(moved);
}

int main(void) {
    for (size_t size = 1; size < 100000; size *= 3) {
        unsigned char *block = site_block(size);
        CHECK(block && block[0] == 0 && block[size - 1] == 0);
        CHECK(!mallocx || (uintptr_t)block % 64 == 0);
        CHECK(!sallocx || sallocx(block, 0) >= size);
        CHECK(!nallocx || nallocx(size, 0) >= size);
        CHECK(!xallocx || xallocx(block, size, 0, 0) >= size);
        fill(block, size, 3);
        block = site_larger(block, size, size * 2);
        fill(block, size * 2, 4);
        if (sdallocx && size % 2) {
            sdallocx(block, size * 2, BY_64);
        } else if (dallocx) {
            dallocx(block, BY_64);
        } else {
            free(block);
        }
    }
    puts("done");
    printf("varies found %d\n", mallocx != NULL);
    return 0;
}
