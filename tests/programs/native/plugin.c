/* What is loaded and unloaded: objects of one layout, but for those with WIDE, whose functions have
   other names, sizes and frames and lie elsewhere. */
#include "host.h"

static const struct host *host;

void call_in_room(struct walk *walk, void (*called)(struct walk *));

#ifdef WIDE
NODE(wide) {
    size_t words[20];
    size_t mark = host->enter(__func__);
    touch(words);
    for (size_t rounds = host->below(walk, 3); rounds > 0; rounds--)
        host->step(walk);
    words[0] = mark;
    touch(words);
    host->step(walk);
    host->leave(mark);
}
#endif

static __attribute__((noipa)) void NODE_NAME(inner)(struct walk *walk, size_t depth) {
    size_t mark = host->enter(__func__);
    if (depth > 0)
        NODE_NAME(inner)(walk, depth - 1);
    host->release(host->allocate(50 + depth));
    host->step(walk);
    host->leave(mark);
}

NODE(outer) {
    size_t mark = host->enter(__func__);
    NODE_NAME(inner)(walk, host->below(walk, 3));
    host->step(walk);
    host->leave(mark);
}

/* The frame's size differs between objects of one layout. */
NODE(room) {
    size_t mark = host->enter(__func__);
    call_in_room(walk, host->step);
    host->leave(mark);
}

static const struct node nodes[] = {
    {NODE_NAME(outer), 1 << 10},
    {NODE_NAME(room), 1 << 10},
#ifdef WIDE
    {NODE_NAME(wide), 1 << 10},
#endif
    {NULL, 0},
};

const struct node *native_start(const struct host *offered) {
    host = offered;
    return nodes;
}
