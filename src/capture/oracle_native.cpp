// Functions for the oracle's tests of native frames: each calls `look` from frames of the shape
// that its name says.

#include <alloca.h>
#include <stdexcept>
#include <string>

using Look = void (*)(unsigned long depth);

// Behind it the compiler does not know what memory holds.
static void touch(void *pointer) { __asm__ volatile("" : : "r"(pointer) : "memory"); }

namespace {

// Looks while the stack unwinds, called by the code that cleans up.
struct Guard {
    Look look;
    unsigned long depth;

    __attribute__((noinline)) ~Guard() { look(depth); }
};

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

__attribute__((noinline)) void fails(Look look, unsigned long depth) {
    Guard outer{look, depth % 3};
    std::string text(depth + 30, 'x');
    touch(&text);
    if (depth == 0)
        throw Failure(text);
    Guard inner{look, 1};
    fails(look, depth - 1);
    touch(&inner);
}

__attribute__((noinline)) void rethrows(Look look, unsigned long depth) {
    Guard guard{look, 0};
    try {
        fails(look, depth);
    } catch (const Failure &failure) {
        look(depth);
        Guard within{look, failure.what() == nullptr};
        throw;
    }
}

} // namespace

extern "C" {

void while_unwinding(Look look, unsigned long depth) {
    try {
        rethrows(look, depth);
    } catch (...) {
        look(depth);
        try {
            fails(look, 1);
        } catch (const std::exception &) {
            look(2);
        }
    }
    look(0);
}

void with_alloca(Look look, unsigned long depth) {
    for (unsigned long round = 0; round < 3; round++) {
        touch(alloca(40 * round + depth + 1));
        look(round);
    }
    if (depth > 0)
        with_alloca(look, depth - 1);
    look(depth % 4);
}

// A word of the frame holds the frame's beginning, and the stack pointer moves.
void with_aligned_alloca(Look look, unsigned long depth) {
    alignas(128) char line[128];
    touch(line);
    touch(alloca(depth * 24 + 1));
    look(1);
    if (depth > 0)
        with_aligned_alloca(look, depth - 1);
    touch(line);
    look(0);
}
}
