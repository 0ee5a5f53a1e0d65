// new and delete in all their forms; and what C++'s library allocates by itself. With the argument
// `granted`, no memory is refused: mimalloc that is compiled as C ends the program then.
#include "checks.h"

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>

namespace {

constexpr std::align_val_t WIDE{64}, PAGE{4096};

ACCOUNT(site_plain);
ACCOUNT(site_array);
ACCOUNT(site_nothrow);
ACCOUNT(site_aligned);
ACCOUNT(site_objects);
ACCOUNT(site_late);

// The size that libstdc++ asks aligned_alloc for: a multiple of the alignment.
std::size_t rounded(std::size_t size, std::align_val_t alignment) {
    auto step = static_cast<std::size_t>(alignment);
    return (size + step - 1) / step * step;
}

bool is_aligned(void *block, std::align_val_t alignment) {
    return reinterpret_cast<std::uintptr_t>(block) % static_cast<std::size_t>(alignment) == 0;
}

// A size of zero is one of one: libstdc++ asks malloc for a byte.
std::size_t at_least_one(std::size_t size) {
    return size ? size : 1;
}

struct alignas(128) Wide {
    char bytes[200];
    ~Wide() { bytes[0] = 0; }
};

struct Throws {
    __attribute__((noinline)) Throws() { throw std::runtime_error("not made"); }
    char bytes[333];
};

} // namespace

// As in C, so that their names are their names.
extern "C" {

SITE void *site_plain(std::size_t size) {
    made(&account_of_site_plain, at_least_one(size));
    return used(::operator new(any(size)));
}

SITE void *site_array(std::size_t size) {
    made(&account_of_site_array, at_least_one(size));
    return used(::operator new[](any(size)));
}

SITE void *site_nothrow(std::size_t size, bool array) {
    made(&account_of_site_nothrow, at_least_one(size));
    return used(array ? ::operator new[](any(size), std::nothrow)
                      : ::operator new(any(size), std::nothrow));
}

SITE void *site_aligned(std::size_t size, std::align_val_t alignment, int form) {
    made(&account_of_site_aligned, rounded(at_least_one(size), alignment));
    switch (form) {
    case 0: return used(::operator new(any(size), alignment));
    case 1: return used(::operator new[](any(size), alignment));
    case 2: return used(::operator new(any(size), alignment, std::nothrow));
    default: return used(::operator new[](any(size), alignment, std::nothrow));
    }
}

SITE void site_objects() {
    delete static_cast<Wide *>(used(new Wide));
    made(&account_of_site_objects, sizeof(Wide));
    gone(&account_of_site_objects, sizeof(Wide));
    // A cookie tells delete[] how many destructors there are to call.
    delete[] static_cast<Wide *>(used(new Wide[3]));
    made(&account_of_site_objects, 3 * sizeof(Wide) + alignof(Wide));
    gone(&account_of_site_objects, 3 * sizeof(Wide) + alignof(Wide));
    delete static_cast<int *>(used(new int(5)));
    made(&account_of_site_objects, sizeof(int));
    gone(&account_of_site_objects, sizeof(int));
}

SITE void site_thrown() {
    for (int i = 0; i < 20; i++) {
        bool caught = false;
        try {
            used(new Throws);
        } catch (const std::runtime_error &error) {
            caught = std::string(error.what()) == "not made";
        }
        CHECK(caught);
    }
}

int handled;

void give_up() {
    if (++handled % 3 == 0) {
        std::set_new_handler(nullptr);
    }
}

SITE void site_refused() {
    for (int i = 0; i < 4; i++) {
        std::set_new_handler(give_up);
        bool refused = false;
        try {
            i % 2 ? used(::operator new(any(PTRDIFF_MAX)))
                  : used(::operator new[](any(PTRDIFF_MAX - 4096), PAGE));
        } catch (const std::bad_alloc &) {
            refused = true;
        }
        CHECK(refused && handled == 3 * (i + 1));
        CHECK(!::operator new(any(PTRDIFF_MAX), std::nothrow));
        CHECK(!::operator new(any(PTRDIFF_MAX - 64), WIDE, std::nothrow));
    }
}

struct Refused : std::bad_alloc {};

SITE void site_handler_throws() {
    std::set_new_handler([] { throw Refused(); });
    bool refused = false;
    try {
        used(::operator new(any(PTRDIFF_MAX)));
    } catch (const std::bad_alloc &) {
        refused = true;
    }
    CHECK(refused);
    CHECK(!::operator new[](any(PTRDIFF_MAX), std::nothrow));
    CHECK(!::operator new(any(PTRDIFF_MAX - 64), WIDE, std::nothrow));
    std::set_new_handler(nullptr);
}

constexpr std::size_t LATE = std::size_t{256} << 20, RESERVE = 5 * LATE;
void *reserve;
int released;

void release() {
    released++;
    if (reserve) {
        munmap(reserve, RESERVE);
        reserve = nullptr;
    } else {
        std::set_new_handler(nullptr);
    }
}

SITE std::size_t site_pages() {
    std::size_t pages;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%zu", &pages) == 1);
    fclose(file);
    return pages;
}

// There is no memory until the handler has found some.
SITE void site_late(int form) {
    rlimit old, none;
    CHECK(getrlimit(RLIMIT_AS, &old) == 0);
    reserve = mmap(nullptr, RESERVE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(reserve != MAP_FAILED);
    none = old;
    none.rlim_cur = site_pages() * 4096 + (64 << 20);
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    released = 0;
    // More than all before: allocators keep and merge what was freed.
    std::size_t size = LATE << form;
    std::set_new_handler(release);
    void *block = form == 0   ? ::operator new(any(size))
                  : form == 1 ? ::operator new(any(size), std::nothrow)
                              : ::operator new[](any(size), PAGE);
    std::set_new_handler(nullptr);
    CHECK(setrlimit(RLIMIT_AS, &old) == 0);
    CHECK(used(block) && released == 1);
    fill(block, 1000, form);
    made(&account_of_site_late, size);
    form == 2 ? ::operator delete[](block, PAGE) : ::operator delete(block);
    gone(&account_of_site_late, size);
}

SITE void site_containers() {
    std::vector<std::string> texts;
    for (int i = 0; i < 3000; i++) {
        texts.push_back(std::string(i % 100, 'x'));
    }
    CHECK(texts[2099].size() == 99);
}

} // extern "C"

static void forms(std::size_t size) {
    void *plain = site_plain(size), *array = site_array(size);
    void *one = site_nothrow(size, false), *several = site_nothrow(size, true);
    for (void *block : {plain, array, one, several}) {
        // Other allocators than glibc's align small blocks less.
        CHECK(block && is_aligned(block, std::align_val_t{size < 16 ? 8u : 16u}));
        fill(block, size, 3);
    }
    ::operator delete(plain);
    gone(&account_of_site_plain, at_least_one(size));
    ::operator delete(one, std::nothrow);
    gone(&account_of_site_nothrow, at_least_one(size));
    if (size % 2) {
        ::operator delete[](array, size);
        gone(&account_of_site_array, at_least_one(size));
        ::operator delete[](several);
        gone(&account_of_site_nothrow, at_least_one(size));
        ::operator delete(site_plain(size), size);
        gone(&account_of_site_plain, at_least_one(size));
    }
}

static void aligned_forms(std::size_t size, std::align_val_t alignment) {
    for (int form = 0; form < 4; form++) {
        void *block = site_aligned(size, alignment, form);
        CHECK(block && is_aligned(block, alignment));
        fill(block, size, form);
        switch (form) {
        case 0: ::operator delete(block, size, alignment); break;
        case 1: ::operator delete[](block, alignment); break;
        case 2: ::operator delete(block, alignment, std::nothrow); break;
        default: continue;
        }
        gone(&account_of_site_aligned, rounded(at_least_one(size), alignment));
    }
}

int main(int argc, char **argv) {
    bool granted = argc > 1 && strcmp(argv[1], "granted") == 0;
    for (std::size_t size = 0; size < 3000; size += 1 + size / 3) {
        forms(size);
        aligned_forms(size, WIDE);
        aligned_forms(size, PAGE);
    }
    ::operator delete(nullptr);
    ::operator delete[](nullptr, PAGE);
    for (int i = 0; i < 10; i++) {
        site_objects();
    }
    site_thrown();
    if (!granted) {
        site_refused();
        site_handler_throws();
        for (int form = 0; form < 3; form++) {
            site_late(form);
        }
    }
    site_containers();
    for (auto *account : {&account_of_site_plain, &account_of_site_array, &account_of_site_nothrow,
                          &account_of_site_aligned, &account_of_site_objects,
                          &account_of_site_late}) {
        print_account("", account);
    }
    return 0;
}
