// Allocates a block of 1 MiB in `work`, resizes it to 4 MiB after 30 ms and frees it after 10 more.
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) static void work(void) {
    void *block = malloc(1 << 20);
    usleep(30000);
    block = realloc(block, 1 << 22);
    usleep(10000);
    free(block);
}

int main(void) {
    work();
    return 0;
}
