// Calls that no program may make, and some make: glibc ends them, or does not notice. We must not make it another end.
#define _GNU_SOURCE
#include "checks.h"

#include <malloc.h>
#include <sys/mman.h>

static void case_twice(void) {
    char *block = used(malloc(any(40)));
    free(block);
    free(used(block));
}

static void case_twice_in_the_bins(void) {
    char *blocks[20];
    for (int i = 0; i < 20; i++) {
        blocks[i] = used(malloc(any(500)));
    }
    for (int i = 0; i < 20; i++) {
        free(blocks[i]);
    }
    free(used(blocks[12]));
}

static void case_twice_large(void) {
    char *block = used(malloc(any(400 << 10)));
    free(block);
    free(used(block));
}

static void case_twice_behind_another(void) {
    char *first = used(malloc(any(2000))), *second = used(malloc(any(2000)));
    free(first);
    free(second);
    free(used(first));
}

static void case_inside(void) {
    char *block = used(malloc(any(400)));
    free(used(block + 16));
}

static void case_askew(void) {
    char *block = used(malloc(any(400)));
    free(used(block + 3));
}

static void case_stack(void) {
    char bytes[256] __attribute__((aligned(16)));
    memset(bytes, 0, sizeof bytes);
    free(used(bytes + 64));
}

static void case_nowhere(void) {
    free(used((void *)(uintptr_t)any(0x10)));
}

static void case_page(void) {
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(used(page + 4096));
}

static void case_realloc_inside(void) {
    char *block = used(malloc(any(400)));
    CHECK(!realloc(used(block + 16), any(800)));
}

// Only under us: what lies behind a block is its size or its neighbour's otherwise.
static void case_overrun(void) {
    char *block = used(malloc(any(24))), *kept = used(malloc(any(24)));
    memset(used(block + malloc_usable_size(block)), 0x41, 8);
    memset(used(kept + malloc_usable_size(kept)), 0, 8);
    free(block);
    kept = used(realloc(kept, any(3000)));
    memset(kept, 1, 3000);
    free(kept);
}

const struct test_case cases[] = {
    {"twice", case_twice},
    {"twice-in-the-bins", case_twice_in_the_bins},
    {"twice-large", case_twice_large},
    {"twice-behind-another", case_twice_behind_another},
    {"inside", case_inside},
    {"askew", case_askew},
    {"stack", case_stack},
    {"nowhere", case_nowhere},
    {"page", case_page},
    {"realloc-inside", case_realloc_inside},
    {"overrun", case_overrun},
    {NULL, NULL},
};

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    puts("about to");
    int status = run_case(cases, argc, argv);
    puts("went on");
    return status;
}
