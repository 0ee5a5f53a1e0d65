/* Recursion thousands of frames deep, through functions that call each other at random, that goes
   back some way, frame by frame, and down again by other functions. */
#include <alloca.h>

#include "host.h"

#define DEEPEST 3000
#define TURNS 12000

static const struct host *host;

static __thread struct {
    struct walk *walk;
    size_t turns;
    /* The depth that it is on its way to. */
    size_t goal;
} run;

typedef void level(size_t depth);
static level plain, array, aligned, moving;
static level *const levels[] = {plain, plain, array, aligned, moving};

/* Whether the frame at this depth calls another, or returns. */
static int goes_down(size_t depth) {
    if (run.turns == 0)
        return 0;
    run.turns--;
    if (depth == run.goal)
        run.goal = host->below(run.walk, DEEPEST);
    if (host->below(run.walk, 2) == 0)
        host->release(host->allocate(32));
    size_t likely = host->below(run.walk, 10);
    return depth == 0 || (depth < run.goal ? likely > 0 : likely == 0);
}

static void goes_on(size_t depth) {
    levels[host->below(run.walk, sizeof levels / sizeof *levels)](depth + 1);
}

static __attribute__((noipa)) void plain(size_t depth) {
    while (goes_down(depth))
        goes_on(depth);
    touch(&depth);
}

static __attribute__((noipa)) void array(size_t depth) {
    char room[8 * (depth % 7 + 1)];
    touch(room);
    while (goes_down(depth))
        goes_on(depth);
    touch(room);
}

static __attribute__((noipa)) void aligned(size_t depth) {
    _Alignas(64) char line[64];
    touch(line);
    while (goes_down(depth))
        goes_on(depth);
    touch(line);
}

static __attribute__((noipa)) void moving(size_t depth) {
    for (size_t rounds = 0; goes_down(depth); rounds++) {
        if (rounds < 4)
            touch(alloca(16));
        goes_on(depth);
    }
}

NODE(descent) {
    run.walk = walk;
    run.turns = TURNS;
    run.goal = DEEPEST;
    plain(0);
}

static const struct node nodes[] = {{NODE_NAME(descent), DEEPEST * 400}, {NULL, 0}};

const struct node *native_start(const struct host *offered) {
    host = offered;
    return nodes;
}
