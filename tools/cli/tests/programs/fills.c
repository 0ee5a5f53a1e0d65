/* Allocates as long as there is address space, and says how many MiB that were. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    int mebibytes = 0;
    while (malloc(1 << 20)) mebibytes++;
    printf("%d\n", mebibytes);
    return 0;
}
