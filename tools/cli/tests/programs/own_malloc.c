// Has an allocator of its own: the four functions that glibc's manual asks of who replaces malloc.
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static char heap[1 << 16];
static size_t used;

void *malloc(size_t size) {
    char *block = heap + used + 16;
    used += (size + 31) / 16 * 16;
    if (used + 16 > sizeof heap) return NULL;
    memcpy(block - 16, &size, sizeof size);
    return block;
}

void free(void *block) { (void)block; }

void *calloc(size_t count, size_t size) { return malloc(count * size); }

void *realloc(void *block, size_t size) {
    void *larger = malloc(size);
    size_t before = 0;
    if (larger == NULL || block == NULL) return larger;
    memcpy(&before, (char *)block - 16, sizeof before);
    return memcpy(larger, block, before < size ? before : size);
}

int main(void) {
    char *text = malloc(6);
    memcpy(text, "hello\n", 6);
    return write(1, text, 6) == 6 ? 0 : 1;
}
