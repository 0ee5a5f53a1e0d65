// Allocates once from each of 32,768 stacks, says so, and waits until its input is closed.
#include <stdio.h>
#include <stdlib.h>

static void *volatile kept;

static void left(int depth);
static void right(int depth);

static void below(int depth) {
    if (depth == 0) {
        kept = malloc(100);
        return;
    }
    left(depth - 1);
    right(depth - 1);
}

static void left(int depth) { below(depth); }
static void right(int depth) { below(depth); }

int main(void) {
    below(15);
    putchar('.');
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
