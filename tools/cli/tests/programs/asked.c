// Says its process id. For each line of input, the function that its first letter names keeps 1,000
// blocks of 100 bytes; then it says "done".
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEEPS(function)                                                                            \
    __attribute__((noinline)) static void function(void) {                                        \
        for (int i = 0; i < 1000; i++)                                                             \
            if (malloc_usable_size(malloc(100)) == 0) exit(99);                                    \
    }

KEEPS(before)
KEEPS(exactly)
KEEPS(later)

int main(void) {
    char line[64];
    printf("%d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (line[0] == 'b') before();
        else if (line[0] == 'e') exactly();
        else later();
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
