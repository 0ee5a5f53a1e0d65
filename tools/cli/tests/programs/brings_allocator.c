// Brings an allocator under a name of its own, as Rust programs with jemalloc do, and uses malloc too.
#include <stdlib.h>

static char heap[64];

void *_rjem_malloc(size_t size) { return size <= sizeof heap ? heap : NULL; }

int main(void) {
    free(malloc(10));
    return _rjem_malloc(10) == NULL;
}
