// Stacks while exceptions are thrown, caught, thrown again and cleaned up after.

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "host.hpp"

namespace {

// Allocates when it is made and when it is destroyed, as the stack unwinds or not.
class Guard {
    walk *here;
    std::string text;

  public:
    __attribute__((noipa)) Guard(walk *here, size_t length) : here(here), text(length, 'x') {
        the_host->step(here);
    }
    __attribute__((noipa)) ~Guard() {
        the_host->step(here);
        text += text;
        touch(&text);
    }
    Guard(const Guard &) = delete;
    Guard &operator=(const Guard &) = delete;
};

struct Failure : std::runtime_error {
    std::vector<size_t> numbers;

    explicit Failure(size_t count)
        : std::runtime_error(std::string(40 + count, 'f')), numbers(count, count) {}
};

} // namespace

extern "C" {

static __attribute__((noipa)) void NODE_NAME(fails)(walk *walk, size_t depth) {
    Inside inside(__func__);
    Guard guard(walk, 10 + depth);
    if (depth == 0)
        throw Failure(the_host->below(walk, 9));
    NODE_NAME(fails)(walk, depth - 1);
    touch(&guard);
}

NODE(throws_deep) {
    Inside inside(__func__);
    try {
        Guard guard(walk, 30);
        NODE_NAME(fails)(walk, the_host->below(walk, 5));
    } catch (const Failure &failure) {
        std::string text = failure.what();
        the_host->step(walk);
        touch(&text);
    }
    the_host->step(walk);
}

static __attribute__((noipa)) void NODE_NAME(rethrows_inner)(walk *walk) {
    Inside inside(__func__);
    try {
        NODE_NAME(fails)(walk, 1);
    } catch (...) {
        Guard guard(walk, 100);
        the_host->step(walk);
        throw;
    }
}

NODE(rethrows) {
    Inside inside(__func__);
    for (int round = 0; round < 2; round++) {
        try {
            NODE_NAME(rethrows_inner)(walk);
        } catch (const std::exception &failure) {
            the_host->step(walk);
            std::vector<std::string> words(3, failure.what());
            touch(&words);
        }
    }
}

// An exception while another is handled; the first is still there when the second is caught.
NODE(nests) {
    Inside inside(__func__);
    try {
        try {
            NODE_NAME(fails)(walk, 2);
        } catch (const Failure &) {
            Guard guard(walk, 50);
            try {
                NODE_NAME(fails)(walk, the_host->below(walk, 2));
            } catch (const std::runtime_error &) {
                the_host->step(walk);
            }
            std::throw_with_nested(std::logic_error("outer"));
        }
    } catch (const std::logic_error &outer) {
        the_host->step(walk);
        try {
            std::rethrow_if_nested(outer);
        } catch (const Failure &failure) {
            the_host->step(walk);
            touch(const_cast<size_t *>(failure.numbers.data()));
        }
    }
}

// An exception that outlives its handler.
NODE(keeps) {
    Inside inside(__func__);
    std::exception_ptr kept;
    try {
        NODE_NAME(fails)(walk, 0);
    } catch (...) {
        kept = std::current_exception();
    }
    the_host->step(walk);
    try {
        std::rethrow_exception(kept);
    } catch (const Failure &failure) {
        the_host->step(walk);
        touch(const_cast<size_t *>(failure.numbers.data()));
    }
}

} // extern "C"

namespace {

struct Part {
    std::unique_ptr<std::string> text;
    Guard guard;

    Part(walk *here, bool whole) : text(new std::string(60, 'p')), guard(here, 20) {
        the_host->step(here);
        if (!whole)
            throw Failure(3);
    }
};

struct Whole {
    Part first;
    Guard between;
    Part second;

    __attribute__((noipa)) Whole(walk *here, bool whole)
        : first(here, true), between(here, 40), second(here, whole) {}
};

} // namespace

extern "C" {

// A constructor that fails: what is made already is destroyed, and its memory given back.
NODE(constructs) {
    Inside inside(__func__);
    for (size_t round = 0; round < 2; round++) {
        try {
            std::unique_ptr<Whole> whole(new Whole(walk, the_host->below(walk, 2) == 0));
            the_host->step(walk);
        } catch (const Failure &) {
            the_host->step(walk);
        }
    }
}

// Elements of an array until one fails.
NODE(constructs_array) {
    struct Element {
        std::string text = std::string(70, 'e');
        Element() {
            struct walk *here = the_host->current();
            the_host->step(here);
            if (the_host->below(here, 4) == 0)
                throw 7;
        }
        ~Element() { the_host->step(the_host->current()); }
    };
    Inside inside(__func__);
    try {
        std::unique_ptr<Element[]> elements(new Element[3]);
        the_host->step(walk);
    } catch (int) {
        the_host->step(walk);
    }
}

static const struct node nodes[] = {
    {NODE_NAME(throws_deep), 8 << 10}, {NODE_NAME(rethrows), 8 << 10},
    {NODE_NAME(nests), 8 << 10},       {NODE_NAME(keeps), 8 << 10},
    {NODE_NAME(constructs), 4 << 10},  {NODE_NAME(constructs_array), 4 << 10},
    {nullptr, 0},
};

const struct node *native_start(const struct host *offered) {
    the_host = offered;
    return nodes;
}
}
