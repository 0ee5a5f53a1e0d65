// Handlers that allocate, stacks that are not the thread's, and jumps out of frames.
#define _GNU_SOURCE
#include "checks.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

// Seen from a timer's handler, at any instruction.
static volatile sig_atomic_t handled;
static void *volatile last;

SITE void site_in_handler(void) {
    free(last);
    last = malloc(any(40));
}

static void on_timer(int signal) {
    (void)signal;
    site_in_handler();
    handled++;
}

static ACCOUNT(site_interrupted);
SITE void site_interrupted(size_t size) {
    void *block = used(malloc(any(size)));
    block = used(realloc(block, any(size + 10)));
    free(block);
    made(&account_of_site_interrupted, size);
    remade(&account_of_site_interrupted, size, size + 10);
    gone(&account_of_site_interrupted, size + 10);
}

// To be run with an allocator that may be called in handlers; see inner_allocator.c.
static void case_timer(void) {
    size_t (*calls)(void) = (size_t(*)(void))dlsym(RTLD_DEFAULT, "inner_calls");
    CHECK(calls);
    size_t before = calls();
    struct sigaction action = {.sa_handler = on_timer};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (unsigned i = 0; handled < 3000 && i < 100000000; i++) {
        site_interrupted(i % 900);
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(handled >= 3000);
    CHECK(calls() - before > 3000);
    printf("varies handled %d\n", handled);
    print_account("varies ", &account_of_site_interrupted);
}

static ACCOUNT(site_on_other_stack);
static SITE void *site_on_other_stack(size_t size) {
    made(&account_of_site_on_other_stack, size);
    return used(malloc(any(size)));
}

static void on_raised(int signal) {
    (void)signal;
    free(site_on_other_stack(100));
    gone(&account_of_site_on_other_stack, 100);
    site_on_other_stack(300);
}

static void case_sigaltstack(void) {
    static char room[64 << 10] __attribute__((aligned(16)));
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    CHECK(sigaltstack(&stack, NULL) == 0);
    struct sigaction action = {.sa_handler = on_raised, .sa_flags = SA_ONSTACK};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 100; i++) {
        raise(SIGUSR1);
    }
    print_account("", &account_of_site_on_other_stack);
}

static ucontext_t whole, fibers[3];

static ACCOUNT(site_in_fiber);
static SITE void *site_in_fiber(size_t size) {
    made(&account_of_site_in_fiber, size);
    return used(malloc(any(size)));
}

static void fiber(int number) {
    for (int i = 0; i < 50; i++) {
        void *block = site_in_fiber(10 + number);
        swapcontext(&fibers[number], &whole);
        if (i % 5) {
            free(block);
            gone(&account_of_site_in_fiber, 10 + number);
        }
    }
    swapcontext(&fibers[number], &whole);
}

static void case_fibers(void) {
    for (volatile int i = 0; i < 3; i++) {
        CHECK(getcontext(&fibers[i]) == 0);
        fibers[i].uc_stack.ss_size = 64 << 10;
        fibers[i].uc_stack.ss_sp = malloc(64 << 10);
        fibers[i].uc_link = &whole;
        makecontext(&fibers[i], (void (*)(void))fiber, 1, i);
    }
    for (int i = 0; i < 3 * 51; i++) {
        swapcontext(&whole, &fibers[i % 3]);
    }
    print_account("", &account_of_site_in_fiber);
}

static jmp_buf out;
// Not known to the compiler never to return.
static void (*volatile jump)(jmp_buf, int) = longjmp;
static sigjmp_buf out_of_handler;

static ACCOUNT(site_before_jump);
SITE void site_before_jump(int depth) {
    volatile char frame[200];
    frame[0] = (char)depth;
    void *block = used(malloc(any(50)));
    made(&account_of_site_before_jump, 50);
    if (depth % 2) {
        free(block);
        gone(&account_of_site_before_jump, 50);
    }
    if (depth > 0) {
        site_before_jump(depth - 1);
    } else {
        jump(out, 1);
    }
    (void)frame[0];
}

static int compare(const void *a, const void *b) {
    static int calls;
    site_before_jump(1 + calls++ % 3);
    return *(const int *)a - *(const int *)b;
}

static void jump_out(int signal) {
    (void)signal;
    siglongjmp(out_of_handler, 1);
}

static void case_jumps(void) {
    struct sigaction action = {.sa_handler = jump_out};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (volatile int i = 0; i < 200; i++) {
        if (!setjmp(out)) {
            site_before_jump(i % 30);
        }
        int numbers[] = {5, 2, 8, 1};
        if (!setjmp(out)) {
            // Its own memory, if it takes any, is lost by the jump.
            qsort(numbers, 4, sizeof *numbers, compare);
        }
        if (!sigsetjmp(out_of_handler, 1)) {
            raise(SIGUSR1);
        }
    }
    print_account("", &account_of_site_before_jump);
}

const struct test_case cases[] = {
    {"timer", case_timer},
    {"sigaltstack", case_sigaltstack},
    {"fibers", case_fibers},
    {"jumps", case_jumps},
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return run_case(cases, argc, argv);
}
