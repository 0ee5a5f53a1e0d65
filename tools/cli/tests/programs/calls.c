/* Every call that allocates, and functions of the C library that allocate by themselves. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <iconv.h>
#include <malloc.h>
#include <regex.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *kept[64];
static int used;

static void *keep(void *block) {
    if (!block) abort();
    return kept[used++] = block;
}

static void plain(void) {
    for (int i = 1; i <= 1000; i++) {
        char *block = malloc(i);
        block[i - 1] = 1;
        if (i % 100) free(block);
        else keep(block);
    }
    free(calloc(33, 7));
    keep(calloc(1000, 1000));
}

static void aligned(void) {
    void *block;
    for (size_t at = sizeof(void *); at <= 1 << 16; at *= 2) {
        if (posix_memalign(&block, at, 3 * at + 1)) abort();
        free(block);
        free(memalign(at, 10));
    }
    keep(memalign(4096, 100));
    keep(aligned_alloc(64, 640));
    keep(valloc(5000));
}

/* In its place and elsewhere, larger and smaller, of aligned blocks too. */
static void resized(void) {
    char *block = realloc(NULL, 24);
    for (size_t size = 24; size < 1 << 20; size += size / 2) block = realloc(block, size);
    for (size_t size = 1 << 20; size > 24; size /= 3) block = realloc(block, size);
    block = reallocarray(block, 10, 30);
    if (realloc(block, 0)) abort();
    keep(realloc(memalign(256, 1000), 2000));
    keep(realloc(calloc(50, 50), 50));
}

static void zero_sized(void) {
    free(malloc(0));
    keep(malloc(0));
    keep(calloc(0, 8));
    keep(realloc(NULL, 0));
}

static void texts(void) {
    char *text;
    keep(strdup("a copy"));
    free(strndup("a copy", 3));
    if (asprintf(&text, "%0500d", 7) != 500) abort();
    keep(text);
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    for (int i = 0; i < 5000; i++) fprintf(memory, "%d ", i);
    fclose(memory);
    keep(text);
}

static void files(void) {
    char *line = NULL;
    size_t length = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    if (getline(&line, &length, file) < 1) abort();
    fclose(file);
    free(line);
    if (!fopen("/proc/self/stat", "r")) abort();
}

static int by_value(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void library(void) {
    regex_t pattern;
    if (regcomp(&pattern, "^(a|b)*[^c]+(d{2,5})$", REG_EXTENDED)) abort();
    if (regexec(&pattern, "ababefgddd", 0, NULL, 0)) abort();
    regfree(&pattern);
    iconv_close(iconv_open("UTF-16", "ISO-8859-15"));
    static int numbers[50000];
    for (int i = 0; i < 50000; i++) numbers[i] = i * 7919 % 50000;
    qsort(numbers, 50000, sizeof(int), by_value);
    void *tree = NULL;
    for (int i = 0; i < 100; i++) tsearch(&numbers[i * 31], &tree, by_value);
    dlclose(dlopen("libz.so.1", RTLD_NOW));
}

int main(void) {
    plain();
    aligned();
    resized();
    zero_sized();
    texts();
    files();
    library();
    printf("%d kept\n", used);
    return 0;
}
