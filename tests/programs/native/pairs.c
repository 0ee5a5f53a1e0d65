/* The nodes around the functions of pairs.S. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#include "host.h"

static const struct host *host;

typedef void callee(struct walk *);

void two_pointers(callee *callee, struct walk *argument);
void two_beginnings(callee *callee, struct walk *argument);
void four_interruptions(void);

static __attribute__((noipa)) void allocates(struct walk *walk) {
    (void)walk;
    host->release(host->allocate(24));
}

static __attribute__((noipa)) void allocates_deeper(struct walk *walk) {
    char room[100];
    touch(room);
    allocates(walk);
    touch(room);
}

/* With frames between that hand the frame pointer on, and such that save it. */
#define PAIR(pair, callee)                                                                        \
    NODE(pair##_##callee) {                                                                       \
        size_t mark = host->enter(__func__);                                                      \
        pair(callee, walk);                                                                       \
        host->leave(mark);                                                                        \
    }

PAIR(two_pointers, allocates)
PAIR(two_pointers, allocates_deeper)
PAIR(two_beginnings, allocates)
PAIR(two_beginnings, allocates_deeper)

NODE(two_pointers_step) {
    size_t mark = host->enter(__func__);
    two_pointers(host->step, walk);
    host->leave(mark);
}

NODE(two_beginnings_step) {
    size_t mark = host->enter(__func__);
    two_beginnings(host->step, walk);
    host->leave(mark);
}

static void NODE_NAME(on_illegal)(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    size_t mark = host->enter(__func__);
    allocates(NULL);
    host->leave(mark);
    /* Past the instruction. */
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

NODE(four_interruptions) {
    size_t mark = host->enter(__func__);
    four_interruptions();
    host->step(walk);
    host->leave(mark);
}

static const struct node nodes[] = {
    {NODE_NAME(two_pointers_allocates), 1 << 10},
    {NODE_NAME(two_pointers_allocates_deeper), 1 << 10},
    {NODE_NAME(two_pointers_step), 1 << 10},
    {NODE_NAME(two_beginnings_allocates), 1 << 10},
    {NODE_NAME(two_beginnings_allocates_deeper), 1 << 10},
    {NODE_NAME(two_beginnings_step), 1 << 10},
    {NODE_NAME(four_interruptions), 8 << 10},
    {NULL, 0},
};

const struct node *native_start(const struct host *offered) {
    host = offered;
    struct sigaction action = {.sa_sigaction = NODE_NAME(on_illegal),
                               .sa_flags = SA_NODEFER | SA_SIGINFO};
    if (sigaction(SIGILL, &action, NULL) != 0)
        abort();
    return nodes;
}
