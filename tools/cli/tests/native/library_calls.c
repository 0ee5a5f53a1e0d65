// The C library's own calls of its allocator, and what else it offers around it.
#define _GNU_SOURCE
#include "checks.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

static ACCOUNT(site_copies);
static SITE char *site_copies(const char *text, size_t most) {
    char *copy = most ? strndup(text, most) : strdup(text);
    CHECK(copy);
    made(&account_of_site_copies, strlen(copy) + 1);
    return copy;
}

static void case_copies(void) {
    for (int i = 0; i < 50; i++) {
        char *whole = site_copies("the whole of it", 0), *part = site_copies("a part of it", 6);
        CHECK(strcmp(whole, "the whole of it") == 0 && strcmp(part, "a part") == 0);
        CHECK(malloc_usable_size(part) >= 7);
        free(whole);
        gone(&account_of_site_copies, 16);
    }
    print_account("", &account_of_site_copies);
}

// How much each of these takes is the C library's own business; that all is given back is not.
static SITE void site_lines(void) {
    FILE *file = fopen("lines", "w+");
    CHECK(file);
    for (int i = 0; i < 100; i++) {
        fprintf(file, "%*d;", i * 10 + 1, i);
        fputc('\n', file);
    }
    rewind(file);
    char *line = NULL;
    size_t room = 0;
    for (int i = 0; i < 50; i++) {
        CHECK(getline(&line, &room, file) == i * 10 + 3 && room >= (size_t)i * 10 + 4);
        CHECK(malloc_usable_size(line) >= room);
        memset(line, 0xaa, room);
    }
    for (int i = 50; i < 99; i++) {
        CHECK(getdelim(&line, &room, ';', file) > i * 10);
    }
    free(line);
    fclose(file);
}

static SITE void site_printed(void) {
    for (int i = 1; i < 2000; i += 111) {
        char *text = NULL;
        CHECK(asprintf(&text, "%*d", i, 7) == i && strlen(text) == (size_t)i && text[i - 1] == '7');
        free(text);
    }
}

static SITE void site_stream(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (int i = 0; i < 10000; i++) {
        fprintf(stream, "%05d", i);
    }
    fclose(stream);
    CHECK(size == 50000 && memcmp(text + 49995, "09999", 6) == 0);
    free(text);
}

static void case_streams(void) {
    for (int i = 0; i < 10; i++) {
        site_lines();
        site_printed();
        site_stream();
    }
    puts("streams done");
}

static ACCOUNT(site_sized);
static SITE void *site_sized(size_t alignment, size_t size) {
    void *block = alignment ? aligned_alloc(alignment, any(size)) : malloc(any(size));
    CHECK(block);
    made(&account_of_site_sized, size);
    return block;
}

// Not in every C library; a program that looks them up finds them if they are there.
static void case_sized(void) {
    void (*free_sized)(void *, size_t) = dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned_sized)(void *, size_t, size_t) = dlsym(RTLD_DEFAULT, "free_aligned_sized");
    printf("varies found %d\n", free_sized && free_aligned_sized);
    CHECK(!free_sized == !free_aligned_sized);
    for (int i = 0; i < 30; i++) {
        void *block = site_sized(0, 48), *aligned = site_sized(128, 256);
        errno = 55;
        free_sized ? free_sized(block, 48) : free(block);
        free_aligned_sized ? free_aligned_sized(aligned, 128, 256) : free(aligned);
        CHECK(errno == 55);
        gone(&account_of_site_sized, 48);
        gone(&account_of_site_sized, 256);
    }
    if (free_sized) {
        free_sized(NULL, 0);
        free_aligned_sized(NULL, 64, 0);
    }
    print_account("", &account_of_site_sized);
}

static size_t field_of_status(const char *name) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kib = 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtoul(line + strlen(name) + 1, NULL, 10);
        }
    }
    fclose(file);
    CHECK(kib);
    return kib << 10;
}

static ACCOUNT(site_until_full);
static SITE char *site_until_full(size_t size, void **blocks, size_t most, size_t *count) {
    char *block = NULL;
    while (*count < most && (errno = 0, block = malloc(any(size)))) {
        block[0] = block[size - 1] = 1;
        made(&account_of_site_until_full, size);
        blocks[(*count)++] = block;
    }
    return block;
}

// An address space that is full: failures are told, and what there is can be used on.
static void case_limit(void) {
    static void *blocks[1 << 20];
    size_t count = 0, room = field_of_status("VmSize:") + (64 << 20);
    struct rlimit limit = {room, room};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    size_t sizes[] = {1 << 20, 100000, 4000, 40};
    for (int i = 0; i < 4; i++) {
        CHECK(!site_until_full(sizes[i], blocks, 1 << 20, &count) && errno == ENOMEM);
        errno = 0;
        CHECK(!calloc(1, any(40 << 20)) && errno == ENOMEM);
        errno = 0;
        CHECK(!realloc(blocks[0], any(90 << 20)) && errno == ENOMEM);
        CHECK(((char *)blocks[0])[0] == 1 && ((char *)blocks[0])[(1 << 20) - 1] == 1);
        void *none = blocks;
        CHECK(posix_memalign(&none, 4096, any(60 << 20)) == ENOMEM && none == blocks);
    }
    CHECK(count > 100);
    size_t freed = account_of_site_until_full.bytes;
    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
    account_of_site_until_full.freed_bytes = freed;
    account_of_site_until_full.freed_blocks = count;
    void *again = malloc(any(20 << 20));
    CHECK(again);
    free(again);
    print_account("varies ", &account_of_site_until_full);
}

static void case_knobs(void) {
    CHECK(mallopt(M_MMAP_THRESHOLD, 64 << 10) == 1);
    struct mallinfo2 before = mallinfo2();
    char *mapped = malloc(any(300 << 10));
    CHECK(mallinfo2().hblks == before.hblks + 1 && mallinfo2().hblkhd > before.hblkhd);
    free(mapped);
    CHECK(mallinfo2().hblks == before.hblks);
    void *blocks[1000];
    before = mallinfo2();
    for (int i = 0; i < 1000; i++) {
        blocks[i] = malloc(any(1000));
    }
    CHECK(mallinfo2().uordblks >= before.uordblks + 1000000);
    for (int i = 0; i < 1000; i++) {
        free(blocks[i]);
    }
    CHECK(malloc_trim(0) >= 0);

    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    CHECK(malloc_info(0, stream) == 0);
    fclose(stream);
    CHECK(strstr(text, "<malloc version="));
    free(text);

    // Blocks that the program asks to be filled are; glibc leaves out those of its caches.
    CHECK(mallopt(M_PERTURB, 0xa5) == 1);
    for (size_t bytes = 2000; bytes < 9000; bytes += 411) {
        unsigned char *block = used(malloc(any(bytes)));
        for (size_t i = 0; i < bytes; i++) {
            CHECK(block[i] == (0xa5 ^ 0xff));
        }
        memset(block, 1, malloc_usable_size(block));
        free(block);
        unsigned char *zeroed = used(calloc(1, any(bytes)));
        for (size_t i = 0; i < bytes; i++) {
            CHECK(zeroed[i] == 0);
        }
        free(zeroed);
    }
    mallopt(M_PERTURB, 0);
    puts("knobs turn");
}

const struct test_case cases[] = {
    {"copies", case_copies}, {"streams", case_streams}, {"sized", case_sized},
    {"limit", case_limit},   {"knobs", case_knobs},     {NULL, NULL},
};

int main(int argc, char **argv) {
    return run_case(cases, argc, argv);
}
