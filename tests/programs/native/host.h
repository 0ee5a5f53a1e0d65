/* What the Rust program offers to native code, and how native functions are offered to it.
   The other side is in ../torture/host.rs. */
#ifndef HOST_H
#define HOST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A random run through the nodes. What it holds is the program's. */
struct walk;

struct host {
    /* A block of Rust's global allocator. */
    void *(*allocate)(size_t size);
    void (*release)(void *block);
    /* Goes on at random: allocates, or calls some node of any object. */
    void (*step)(struct walk *walk);
    size_t (*below)(struct walk *walk, size_t limit);
    /* Notes that a function whose name begins with `node_` is on the stack now; what it gives
       has to be given back when the function is left. */
    size_t (*enter)(const char *function);
    void (*leave)(size_t mark);
    /* The calling thread's walk, for callbacks that do not get it. */
    struct walk *(*current)(void);
};

/* A function that calls `step` in a frame of some special shape. */
struct node {
    void (*run)(struct walk *walk);
    /* Stack that it needs for itself, at least. */
    size_t stack;
};

/* Given by every object: its nodes, ended by one without a function. */
__attribute__((visibility("default"))) const struct node *native_start(const struct host *host);

#define JOIN_ALL(prefix, name, variant) prefix##name##_##variant
#define JOIN(prefix, name, variant) JOIN_ALL(prefix, name, variant)

/* VARIANT, from the command line, keeps the functions of one source apart in a report. */
#define NODE_NAME(name) JOIN(node_, name, VARIANT)
#define NODE(name) static __attribute__((noipa)) void NODE_NAME(name)(struct walk *walk)

/* Makes the compiler believe that memory behind `pointer` is read and written. */
static inline void touch(void *pointer) {
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
