/* Coroutines on stacks of as many bytes as the argument says, guarded below. Each allocates, resizes and frees
   by functions that no stack has met before. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

static ucontext_t back, coroutine;
static int turn;
static void *volatile kept;

__attribute__((noinline)) static void *site_new(int n) { return malloc(n); }
__attribute__((noinline)) static void *site_zeroed(int n) { return calloc(1, n); }
__attribute__((noinline)) static void *site_resized(void *p, int n) { return realloc(p, n); }
__attribute__((noinline)) static void *site_kept(int n) { return n % 2 ? malloc(n) : site_kept(n + 1); }

static void body(void) {
    for (;;) {
        void *volatile first = site_new(10 + turn), *volatile second = site_zeroed(20 + turn);
        first = site_resized(first, 3000 + turn);
        free(first);
        free(second);
        if (turn == 0) kept = site_kept(700);
        swapcontext(&coroutine, &back);
    }
}

int main(int count, char **arguments) {
    size_t size = count > 1 ? (size_t)atol(arguments[1]) : 8192;
    for (int number = 0; number < 20; number++) {
        char *stack = mmap(NULL, size + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mprotect(stack + 4096, size, PROT_READ | PROT_WRITE)) return 9;
        getcontext(&coroutine);
        coroutine.uc_stack.ss_sp = stack + 4096;
        coroutine.uc_stack.ss_size = size;
        coroutine.uc_link = &back;
        makecontext(&coroutine, body, 0);
        for (turn = 0; turn < 50; turn++) swapcontext(&back, &coroutine);
    }
    puts("over");
    return 0;
}
