// tcmalloc's own functions, mixed with C's and C++'s; linked with it.
#include "checks.h"

#include <new>

extern "C" {
void *tc_malloc(size_t);
void *tc_malloc_skip_new_handler(size_t);
void *tc_calloc(size_t, size_t);
void *tc_realloc(void *, size_t);
void *tc_memalign(size_t, size_t);
int tc_posix_memalign(void **, size_t, size_t);
void *tc_valloc(size_t);
void tc_free(void *);
void tc_free_sized(void *, size_t);
void tc_cfree(void *);
size_t tc_malloc_size(void *);
size_t tc_nallocx(size_t, int);
size_t nallocx(size_t, int);
size_t MallocExtension_GetAllocatedSize(const void *);
size_t MallocExtension_GetEstimatedAllocatedSize(size_t);
void *tc_new(size_t);
void *tc_newarray(size_t);
void *tc_new_nothrow(size_t, const std::nothrow_t &);
void *tc_new_aligned(size_t, std::align_val_t);
void tc_delete(void *);
void tc_delete_sized(void *, size_t);
void tc_deletearray(void *);
void tc_delete_aligned(void *, std::align_val_t);
void tc_delete_sized_aligned(void *, size_t, std::align_val_t);
}

static const size_t sizes[] = {1, 8, 16, 48, 64, 112, 320, 1024, 4096, 14336, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes, BLOCKS = 240 };
constexpr std::align_val_t WIDE{64};

static ACCOUNT(site_given);

extern "C" SITE void *site_given(int form, size_t size) {
    made(&account_of_site_given, size);
    void *block = NULL;
    switch (form % 12) {
    case 0: return used(tc_malloc(any(size)));
    case 1: return used(tc_malloc_skip_new_handler(any(size)));
    case 2: return used(tc_calloc(1, any(size)));
    case 3: return used(tc_realloc(NULL, any(size)));
    case 4: return used(tc_memalign(64, any(size)));
    case 5: CHECK(tc_posix_memalign(&block, 64, any(size)) == 0); return used(block);
    case 6: return used(tc_valloc(any(size)));
    case 7: return used(malloc(any(size)));
    case 8: return used(tc_new(any(size)));
    case 9: return used(tc_newarray(any(size)));
    case 10: return used(tc_new_nothrow(any(size), std::nothrow));
    default: return used(::operator new(any(size)));
    }
}

static void take_back(int form, void *block, size_t size) {
    gone(&account_of_site_given, size);
    switch (form % 9) {
    case 0: tc_free(block); break;
    case 1: tc_free_sized(block, size); break;
    case 2: tc_cfree(block); break;
    case 3: free(block); break;
    case 4: tc_delete(block); break;
    case 5: tc_delete_sized(block, size); break;
    case 6: tc_deletearray(block); break;
    case 7: ::operator delete(block, size); break;
    default: tc_free(block); break;
    }
}

// Each way to give with each way to take back.
static void mixed() {
    for (int give = 0; give < 12; give++) {
        for (int take = 0; take < 9; take++) {
            size_t size = sizes[(give * 5 + take) % SIZES];
            void *block = site_given(give, size);
            CHECK(block);
            size_t usable = tc_malloc_size(block);
            CHECK(usable >= size && usable == MallocExtension_GetAllocatedSize(block));
            if (give < 2) {
                CHECK(usable == tc_nallocx(size, 0) && usable == nallocx(size, 0));
                CHECK(usable == MallocExtension_GetEstimatedAllocatedSize(size));
            }
            memset(block, 0xee, usable);
            if ((give + take) % 4 != 3) {
                take_back(take, block, size);
            }
        }
    }
}

static void resized() {
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = sizes[i % SIZES], other = sizes[i * 7 % SIZES];
        void *block = site_given(i, size);
        fill(block, size, i);
        block = tc_realloc(block, other);
        CHECK(block && is_filled(block, other < size ? other : size, i));
        remade(&account_of_site_given, size, other);
        fill(block, other, i);
        take_back(i, block, other);
    }
    CHECK(!tc_realloc(site_given(0, 50), any(0)));
    gone(&account_of_site_given, 50);
}

static ACCOUNT(site_aligned);

extern "C" SITE void *site_aligned(size_t size) {
    // As libstdc++ does, a multiple of the alignment counts.
    made(&account_of_site_aligned, (size + 63) / 64 * 64);
    return used(tc_new_aligned(any(size), WIDE));
}

static void aligned() {
    for (size_t size : sizes) {
        void *block = site_aligned(size), *other = site_aligned(size);
        CHECK((uintptr_t)block % 64 == 0 && (uintptr_t)other % 64 == 0);
        fill(block, size, 1);
        tc_delete_aligned(block, WIDE);
        tc_delete_sized_aligned(other, size, WIDE);
        gone(&account_of_site_aligned, (size + 63) / 64 * 64);
        gone(&account_of_site_aligned, (size + 63) / 64 * 64);
    }
}

static void refused() {
    bool thrown = false;
    try {
        used(tc_new(any(PTRDIFF_MAX)));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown && !tc_new_nothrow(any(PTRDIFF_MAX), std::nothrow) && !tc_malloc(any(SIZE_MAX)));
    CHECK(!tc_calloc(any(SIZE_MAX), 2));
}

int main() {
    mixed();
    resized();
    aligned();
    refused();
    print_account("", &account_of_site_given);
    print_account("", &account_of_site_aligned);
    return 0;
}
