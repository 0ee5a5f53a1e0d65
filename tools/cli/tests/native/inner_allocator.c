// An allocator for LD_PRELOAD that may be called at any moment, in signal handlers too: it takes a
// piece of one large mapping and never gives it back. It counts its calls. With RUINS, it changes every
// register that a function may change and still return.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#ifdef RUINS
#include "vectors.h"

static void ruin(void) {
    int level = vectors();
    if (level >= AVX512) {
        __asm__ volatile(EACH(SIXTEEN ", " UPPER, "vpternlogd $0xff, %%zmm\\r, %%zmm\\r, %%zmm\\r")
                             EACH(EIGHT, "kxnorq %%k\\r, %%k\\r, %%k\\r") ::: "memory");
    } else if (level >= AVX) {
        __asm__ volatile(EACH(SIXTEEN, "vcmptrueps %%ymm\\r, %%ymm\\r, %%ymm\\r") ::: "memory");
    } else {
        __asm__ volatile(EACH(SIXTEEN, "pcmpeqd %%xmm\\r, %%xmm\\r") ::: "memory");
    }
    // Flags of exceptions are no part of the promise that a function gives.
    unsigned mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    mxcsr |= 0x3f;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}
#else
static void ruin(void) {
}
#endif

enum { HEADER = 16 };
static const size_t ROOM = (size_t)8 << 30;
static char *_Atomic space;
static size_t _Atomic taken;
static size_t _Atomic calls;

size_t inner_calls(void) {
    return calls;
}

static char *mapped(void) {
    char *found = space;
    if (!found) {
        char *fresh = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (__atomic_compare_exchange_n((char **)&space, &found, fresh, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            return fresh;
        }
        munmap(fresh, ROOM);
    }
    return found;
}

static void *take(size_t alignment, size_t size) {
    calls++;
    ruin();
    if (size > ROOM / 2) {
        errno = ENOMEM;
        return NULL;
    }
    char *base = mapped();
    size_t step = size + HEADER + alignment + 16;
    size_t at = __atomic_fetch_add((size_t *)&taken, (step + 15) & ~(size_t)15, __ATOMIC_SEQ_CST);
    if (at + step > ROOM) {
        errno = ENOMEM;
        return NULL;
    }
    uintptr_t block = ((uintptr_t)base + at + HEADER + alignment - 1) & ~(uintptr_t)(alignment - 1);
    memcpy((char *)block - 8, &size, 8);
    return (void *)block;
}

static size_t size_of(void *block) {
    size_t size;
    memcpy(&size, (char *)block - 8, 8);
    return size;
}

void *malloc(size_t size) {
    return take(16, size);
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(16, bytes);
}

void *realloc(void *old, size_t size) {
    if (old && size == 0) {
        return NULL;
    }
    void *block = take(16, size);
    if (old && block) {
        memcpy(block, old, size_of(old) < size ? size_of(old) : size);
    }
    return block;
}

void free(void *block) {
    calls += block != NULL;
    ruin();
}

// Not each other: a preloaded library's `memalign` would be called again.
static void *take_aligned(size_t alignment, size_t size) {
    return take(alignment < 16 ? 16 : alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    return take_aligned(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return take_aligned(alignment, size);
}

void *valloc(size_t size) {
    return take(4096, size);
}

void *pvalloc(size_t size) {
    return take(4096, size > ROOM ? size : (size + 4095) & ~(size_t)4095);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1))) {
        return EINVAL;
    }
    void *taken_block = take_aligned(alignment, size);
    if (taken_block) {
        *block = taken_block;
    }
    return taken_block ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *block) {
    return block ? size_of(block) : 0;
}
