/* Writes past the ends of blocks, by the argument; or up to the ends that the allocator tells. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *volatile block;

/* A byte that changes, whatever is there. */
static void change(size_t at) { block[at] = (unsigned char)~block[at]; }

int main(int count, char **arguments) {
    const char *which = count > 1 ? arguments[1] : "";
    if (strcmp(which, "slack") == 0) {
        block = malloc(41);
        change(41);
        free(block);
    } else if (strcmp(which, "end") == 0) {
        block = malloc(48);
        change(48);
        free(block);
    } else if (strcmp(which, "resized") == 0) {
        block = malloc(48);
        change(48);
        block = realloc(block, 400);
        free(block);
    } else if (strcmp(which, "far") == 0) {
        block = malloc(48);
        memset(block + 48, 0, 8);
        free(block);
    } else {
        for (size_t size = 0; size < 3000; size += 7) {
            block = malloc(size);
            memset(block, 1, malloc_usable_size(block));
            block = realloc(block, size / 2 + 1);
            memset(block, 2, malloc_usable_size(block));
            block = realloc(block, size * 2 + 1);
            memset(block, 3, malloc_usable_size(block));
            free(block);
            block = memalign(64, size);
            memset(block, 4, malloc_usable_size(block));
            free(block);
        }
    }
    puts("over");
    return 0;
}
