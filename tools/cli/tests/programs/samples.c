// Blocks of known sizes from functions of their own; half of each is left.
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>

#define KEPT(function, count, expression)                                                          \
    __attribute__((noinline)) static void function(void) {                                        \
        for (int i = 0; i < (count); i++) {                                                        \
            void *block = expression;                                                              \
            if (i % 2 == 0) free(block);                                                           \
            else if (malloc_usable_size(block) == 0) exit(99);                                     \
        }                                                                                          \
    }

KEPT(small, 100000, malloc(50))
KEPT(large, 200, calloc(1, 100000))
KEPT(grown, 4000, realloc(malloc(16), 5000))
KEPT(shrunk, 4000, realloc(malloc(5000), 16))

// With an argument, it is killed when all is done.
int main(int count, char **arguments) {
    (void)arguments;
    small();
    large();
    grown();
    shrunk();
    free(malloc(0));
    if (count > 1) raise(SIGKILL);
    return 0;
}
