// Parts that every C++ object shares: the host, and its memory. Included once in an object.
//
// C++'s memory are blocks of Rust's global allocator, in this object alone: the linker keeps all
// but `native_start` to the object, and the standard library is linked into it.
#pragma once

#include <cstdlib>
#include <new>

#include "host.h"

namespace {

const host *the_host;

// The handle of `enter` goes back however the function is left.
class Inside {
    size_t mark;

  public:
    explicit Inside(const char *function) : mark(the_host->enter(function)) {}
    ~Inside() { the_host->leave(mark); }
    Inside(const Inside &) = delete;
    Inside &operator=(const Inside &) = delete;
};

void *take(size_t size) {
    void *block = the_host->allocate(size ? size : 1);
    if (!block)
        std::abort();
    return block;
}

} // namespace

void *operator new(size_t size) { return take(size); }
void *operator new[](size_t size) { return take(size); }
void operator delete(void *block) noexcept { the_host->release(block); }
void operator delete[](void *block) noexcept { the_host->release(block); }
void operator delete(void *block, size_t) noexcept { the_host->release(block); }
void operator delete[](void *block, size_t) noexcept { the_host->release(block); }
