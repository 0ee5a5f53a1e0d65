// Allocates 10 blocks of 100 bytes in `work`, keeps the last, and nothing else; prints what it gets on
// standard input.
#include <stdlib.h>
#include <unistd.h>

static void *kept;

__attribute__((noinline)) static void work(void) {
    for (int i = 0; i < 10; i++) {
        if (i > 0) free(kept);
        kept = malloc(100);
    }
}

int main(int argc, char **argv) {
    char buffer[4096];
    ssize_t got;
    work();
    while ((got = read(0, buffer, sizeof buffer)) > 0) {
        if (write(1, buffer, got) != got) return 99;
    }
    if (write(2, "done\n", 5) != 5) return 99;
    return argc > 1 ? atoi(argv[1]) : 0;
}
