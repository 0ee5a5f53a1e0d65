// mimalloc's own functions, mixed with C's and C++'s; linked with it.
#include "checks.h"

#include <new>

extern "C" {
void *mi_malloc(size_t);
void *mi_malloc_small(size_t);
void *mi_zalloc(size_t);
void *mi_zalloc_small(size_t);
void *mi_mallocn(size_t, size_t);
void *mi_calloc(size_t, size_t);
void *mi_malloc_aligned(size_t, size_t);
void *mi_zalloc_aligned_at(size_t, size_t, size_t);
void *mi_calloc_aligned(size_t, size_t, size_t);
void *mi_memalign(size_t, size_t);
void *mi_aligned_alloc(size_t, size_t);
int mi_posix_memalign(void **, size_t, size_t);
void *mi_realloc(void *, size_t);
void *mi_reallocn(void *, size_t, size_t);
void *mi_reallocf(void *, size_t);
void *mi_rezalloc(void *, size_t);
void *mi_recalloc(void *, size_t, size_t);
void *mi_realloc_aligned(void *, size_t, size_t);
void *mi_recalloc_aligned(void *, size_t, size_t, size_t);
int mi_reallocarr(void *, size_t, size_t);
void *mi_expand(void *, size_t);
void *mi_heap_new(void);
void mi_heap_delete(void *);
void *mi_heap_malloc(void *, size_t);
void *mi_heap_zalloc(void *, size_t);
void *mi_heap_calloc_aligned(void *, size_t, size_t, size_t);
void *mi_heap_realloc(void *, void *, size_t);
char *mi_heap_strdup(void *, const char *);
void mi_free(void *);
void mi_cfree(void *);
void mi_free_size(void *, size_t);
void mi_free_aligned(void *, size_t);
void mi_free_size_aligned(void *, size_t, size_t);
size_t mi_usable_size(const void *);
size_t mi_good_size(size_t);
char *mi_strdup(const char *);
char *mi_strndup(const char *, size_t);
char *mi_realpath(const char *, char *);
void *mi_new(size_t);
void *mi_new_nothrow(size_t);
void *mi_new_n(size_t, size_t);
void *mi_new_realloc(void *, size_t);
void *mi_new_reallocn(void *, size_t, size_t);
void *mi_heap_alloc_new(void *, size_t);
}

static const size_t sizes[] = {1, 8, 16, 48, 64, 112, 320, 900, 4096, 14336, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes, GIVES = 22, TAKES = 7, RESIZES = 13 };

static void *heap;
static ACCOUNT(site_given);

extern "C" SITE void *site_given(int form, size_t size) {
    made(&account_of_site_given, size);
    void *block = NULL;
    switch (form) {
    case 0: return used(mi_malloc(any(size)));
    case 1: return used(size < 1000 ? mi_malloc_small(any(size)) : mi_malloc(any(size)));
    case 2: return used(mi_zalloc(any(size)));
    case 3: return used(size < 1000 ? mi_zalloc_small(any(size)) : mi_zalloc(any(size)));
    case 4: return used(mi_mallocn(1, any(size)));
    case 5: return used(mi_calloc(any(size), 1));
    case 6: return used(mi_malloc_aligned(any(size), 64));
    case 7: return used(mi_zalloc_aligned_at(any(size), 64, 16));
    case 8: return used(mi_calloc_aligned(any(size), 1, 64));
    case 9: return used(mi_memalign(64, any(size)));
    case 10: return used(mi_aligned_alloc(64, any(size)));
    case 11: CHECK(mi_posix_memalign(&block, 64, any(size)) == 0); return used(block);
    case 12: return used(mi_realloc(NULL, any(size)));
    case 13: return used(malloc(any(size)));
    case 14: return used(mi_heap_malloc(heap, any(size)));
    case 15: return used(mi_heap_zalloc(heap, any(size)));
    case 16: return used(mi_heap_calloc_aligned(heap, any(size), 1, 64));
    case 17: return used(mi_new(any(size)));
    case 18: return used(mi_new_nothrow(any(size)));
    case 19: return used(mi_new_n(any(size), 1));
    case 20: return used(mi_heap_alloc_new(heap, any(size)));
    default: return used(::operator new(any(size)));
    }
}

static void take_back(int form, void *block, size_t size) {
    gone(&account_of_site_given, size);
    switch (form % TAKES) {
    case 0: mi_free(block); break;
    case 1: mi_cfree(block); break;
    case 2: free(block); break;
    case 3: mi_free_size(block, size); break;
    case 4: mi_free_aligned(block, 1); break;
    case 5: mi_free_size_aligned(block, size, 1); break;
    default: ::operator delete(block, size); break;
    }
}

static bool is_zero(const void *block, size_t from, size_t to) {
    for (; from < to; from++) {
        if (static_cast<const char *>(block)[from]) {
            return false;
        }
    }
    return true;
}

// Each way to give with each way to take back.
static void mixed() {
    for (int give = 0; give < GIVES; give++) {
        for (int take = 0; take < TAKES; take++) {
            size_t size = sizes[(give * 5 + take) % SIZES];
            void *block = site_given(give, size);
            CHECK(block);
            bool zeroed = give == 2 || give == 3 || give == 5 || give == 7 || give == 8 || give == 15 || give == 16;
            CHECK(!zeroed || is_zero(block, 0, size));
            size_t usable = mi_usable_size(block);
            CHECK(usable >= size && mi_good_size(size) >= size);
            memset(block, 0xee, usable);
            if ((give + take) % 4 != 3) {
                take_back(take, block, size);
            }
        }
    }
}

static void *resize(int form, void *block, size_t size) {
    switch (form) {
    case 0: return mi_realloc(block, size);
    case 1: return mi_reallocn(block, size, 1);
    case 2: return mi_reallocf(block, size);
    case 3: return mi_rezalloc(block, size);
    case 4: return mi_recalloc(block, size, 1);
    case 5: return mi_realloc_aligned(block, size, 64);
    case 6: return mi_recalloc_aligned(block, size, 1, 64);
    case 7: CHECK(mi_reallocarr(&block, size, 1) == 0); return block;
    case 8: return mi_heap_realloc(heap, block, size);
    case 9: return mi_new_realloc(block, size);
    case 10: return mi_new_reallocn(block, 1, size);
    case 11: return reallocarray(block, size, 1);
    default: return realloc(block, size);
    }
}

static void resized() {
    for (int form = 0; form < RESIZES; form++) {
        for (int i = 0; i < 40; i++) {
            size_t size = sizes[i % SIZES], other = sizes[i * 7 % SIZES];
            // Those that zero what is new say so of blocks that were zeroed.
            void *block = used(site_given(2, size));
            fill(block, size, i);
            size_t usable = mi_usable_size(block);
            block = resize(form, block, any(other));
            CHECK(block && is_filled(block, other < size ? other : size, i));
            remade(&account_of_site_given, size, other);
            CHECK((form != 3 && form != 4 && form != 6) || is_zero(block, size, other));
            CHECK(usable >= size);
            fill(block, other, i);
            CHECK(mi_expand(block, mi_usable_size(block)) == block);
            CHECK(!mi_expand(block, any(PTRDIFF_MAX)));
            take_back(i, block, other);
        }
    }
}

static ACCOUNT(site_copied);

extern "C" SITE void site_copied(int form) {
    char *copy = form == 0   ? mi_strdup("mimalloc")
                 : form == 1 ? mi_strndup("mimalloc and more", 8)
                             : mi_heap_strdup(heap, "mimalloc");
    CHECK(strcmp(static_cast<char *>(used(copy)), "mimalloc") == 0);
    made(&account_of_site_copied, 9);
    if (form) {
        gone(&account_of_site_copied, 9);
        mi_free(copy);
    }
}

static void refused() {
    CHECK(!mi_malloc(any(PTRDIFF_MAX)) && !mi_malloc(any(SIZE_MAX)) && !mi_calloc(any(SIZE_MAX), 2));
    void *block = site_given(0, 100);
    CHECK(!mi_realloc(block, any(PTRDIFF_MAX)) && !mi_rezalloc(block, any(SIZE_MAX - 8)));
    CHECK(!mi_reallocf(block, any(PTRDIFF_MAX)));
    gone(&account_of_site_given, 100);
}

int main() {
    heap = mi_heap_new();
    CHECK(heap);
    mixed();
    resized();
    for (int form = 0; form < 3; form++) {
        site_copied(form);
    }
    char *path = mi_realpath("/", NULL);
    CHECK(path && strcmp(path, "/") == 0);
    mi_free(path);
    refused();
    mi_heap_delete(heap);
    print_account("", &account_of_site_given);
    print_account("", &account_of_site_copied);
    return 0;
}
