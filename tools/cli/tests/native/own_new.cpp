// A program with operators of its own, which call malloc, and with a library that allocates early.
#include "checks.h"

#include <new>

void *operator new(std::size_t size) {
    void *block = malloc(size);
    if (!block) {
        throw std::bad_alloc();
    }
    return block;
}

void operator delete(void *block) noexcept {
    free(block);
}

void operator delete(void *block, std::size_t) noexcept {
    free(block);
}

static ACCOUNT(site_made);

extern "C" SITE int *site_made(int value) {
    made(&account_of_site_made, sizeof(int));
    return static_cast<int *>(used(new int(value)));
}

extern "C" void early_check(void);

int main() {
    early_check();
    for (int i = 0; i < 1000; i++) {
        int *number = site_made(i);
        CHECK(*number == i);
        if (i % 3) {
            delete number;
            gone(&account_of_site_made, sizeof(int));
        }
    }
    bool thrown = false;
    try {
        used(::operator new(any(PTRDIFF_MAX)));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown);
    print_account("", &account_of_site_made);
    return 0;
}
