// A library that allocates when it is loaded, when it is called and when it is unloaded. Compiled
// several times; NAME tells them apart.
#include "checks.h"

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define NAMED(name) PASTE(name, NAME)

static void *held;

SITE void *NAMED(site_constructor_)(size_t size) {
    return used(malloc(any(size)));
}

SITE void *NAMED(site_called_)(size_t size) {
    return used(malloc(any(size)));
}

SITE void *NAMED(site_destructor_)(size_t size) {
    return used(malloc(any(size)));
}

__attribute__((constructor)) static void loaded(void) {
    held = NAMED(site_constructor_)(1000);
    NAMED(site_constructor_)(10);
}

__attribute__((destructor)) static void unloaded(void) {
    free(held);
    free(NAMED(site_destructor_)(200));
    NAMED(site_destructor_)(20);
}

void *NAMED(call_)(size_t size) {
    return NAMED(site_called_)(size);
}

void NAMED(take_)(void *block) {
    free(block);
}

void *NAMED(grow_)(void *block, size_t size) {
    return realloc(block, size);
}
