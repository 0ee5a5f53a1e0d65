// Allocates, and prints its arguments and what concerns us in its environment.
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static void *by_shows(int size) { return malloc(size); }

int main(int argc, char **argv) {
    for (int i = 0; i < 100; i++) free(by_shows(1000));
    const char *preloaded = getenv("LD_PRELOAD");
    printf("%d arguments, last %s; LD_PRELOAD %s\n", argc - 1, argc > 1 ? argv[argc - 1] : "-",
           preloaded ? preloaded : "is not set");
    return 3;
}
