// A library that allocates when it is loaded, before the program's allocator may be ready.
#include "checks.h"

enum { BLOCKS = 200 };
static unsigned char *blocks[BLOCKS];

__attribute__((constructor)) static void allocate(void) {
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(any(i));
        CHECK(blocks[i]);
        fill(blocks[i], i, i);
    }
    for (int i = 0; i < BLOCKS; i += 3) {
        blocks[i] = realloc(blocks[i], any(i + 50));
        CHECK(blocks[i] && is_filled(blocks[i], i, i));
    }
}

void early_check(void) {
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(is_filled(blocks[i], i, i));
        free(blocks[i]);
    }
}
