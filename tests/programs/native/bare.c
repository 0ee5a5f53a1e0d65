/* The nodes around the functions of bare.S. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "host.h"

static const struct host *host;

typedef void function(struct walk *);

void call_framed(struct walk *walk, function *called);
void call_frameless(struct walk *walk, function *called);
void call_misled(struct walk *walk, function *called, size_t distance);
void call_pointed(struct walk *walk, function *called, const size_t *frame);
void call_pushing(struct walk *walk, function *called);
void call_far_pointer(struct walk *walk, function *called);
void call_register_pointer(struct walk *walk, function *called);
void call_other_base(struct walk *walk, function *called);
void call_by_return(struct walk *walk, function *called);
void call_by_jump(struct walk *walk, function *called);
void call_trapping(struct walk *walk, function *called);

#define CALLING(name)                                                                             \
    NODE(name) {                                                                                  \
        size_t mark = host->enter(__func__);                                                      \
        call_##name(walk, host->step);                                                            \
        host->step(walk);                                                                         \
        host->leave(mark);                                                                        \
    }

#ifndef LOST

CALLING(framed)
CALLING(pushing)
CALLING(far_pointer)
CALLING(by_return)
CALLING(by_jump)
CALLING(trapping)

/* Frames that can be left by what their tables say, or by their frame pointer. */
static const struct node nodes[] = {
    {NODE_NAME(framed), 1 << 10},    {NODE_NAME(pushing), 6 << 10},
    {NODE_NAME(by_return), 1 << 10}, {NODE_NAME(far_pointer), 1 << 10},
    {NODE_NAME(by_jump), 1 << 10},   {NODE_NAME(trapping), 8 << 10},
    {NULL, 0},
};

#else

CALLING(frameless)
CALLING(register_pointer)
CALLING(other_base)

NODE(misled) {
    size_t mark = host->enter(__func__);
    call_misled(walk, host->step, 8 * host->below(walk, 40));
    call_misled(walk, host->step, 8 * host->below(walk, 4000));
    host->leave(mark);
}

static __attribute__((noipa)) void allocates(struct walk *walk) {
    (void)walk;
    host->release(host->allocate(24));
}

/* The frame pointer leads to two words that look like a frame, called from `place`. */
__attribute__((visibility("default"))) void native_pointed(size_t place) {
    size_t frame[2] = {0, place};
    call_pointed(NULL, allocates, frame);
    touch(frame);
}

/* From one place, with and without a frame pointer that may be one. */
NODE(two_guesses) {
    size_t mark = host->enter(__func__);
    size_t frame[2] = {0, (size_t)allocates + 4};
    for (size_t rounds = 4; rounds > 0; rounds--) {
        call_pointed(walk, allocates, rounds % 2 ? frame : NULL);
        touch(frame);
    }
    host->leave(mark);
}

/* Frames that nothing true is said of. */
static const struct node nodes[] = {
    {NODE_NAME(frameless), 1 << 10},  {NODE_NAME(register_pointer), 1 << 10},
    {NODE_NAME(other_base), 1 << 10}, {NODE_NAME(misled), 1 << 10},
    {NODE_NAME(two_guesses), 1 << 10}, {NULL, 0},
};

#endif

static void NODE_NAME(on_trap)(int number) {
    (void)number;
    size_t mark = host->enter(__func__);
    host->step(host->current());
    host->leave(mark);
}

const struct node *native_start(const struct host *offered) {
    host = offered;
    struct sigaction action = {.sa_handler = NODE_NAME(on_trap), .sa_flags = SA_NODEFER};
    if (sigaction(SIGTRAP, &action, NULL) != 0)
        abort();
    return nodes;
}
