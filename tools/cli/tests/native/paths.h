// As many stacks as wanted: the bits of a number are the way down to where a block is made.
#pragma once

#include "checks.h"

enum kind { BY_MALLOC, BY_CALLOC, BY_REALLOC, KINDS };

static SITE void *allocate(enum kind kind, size_t size) {
    switch (kind) {
    case BY_MALLOC: return used(malloc(any(size)));
    case BY_CALLOC: return used(calloc(1, any(size)));
    default: return used(realloc(NULL, any(size)));
    }
}

static void *down(unsigned path, enum kind kind, size_t size);

static SITE void *left(unsigned path, enum kind kind, size_t size) {
    return used(down(path >> 1, kind, size));
}

static SITE void *right(unsigned path, enum kind kind, size_t size) {
    return used(down(path >> 1, kind, size));
}

// Ends where the highest bit that is set is the last.
static SITE void *down(unsigned path, enum kind kind, size_t size) {
    if (path <= 1) {
        return used(allocate(kind, size));
    }
    return used(path & 1 ? left(path, kind, size) : right(path, kind, size));
}
