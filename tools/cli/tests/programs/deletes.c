// With LIBRARY defined, a library whose function `made` allocates 10 bytes. Else a program that
// loads the library at its first argument, deletes the file, and calls the function.
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef LIBRARY
static __attribute__((noinline)) void *made_inside(void) { return malloc(10); }
void *made(void) {
    void *block = made_inside();
    return block;
}
#else
int main(int argc, char **argv) {
    void *library = dlopen(argv[argc - 1], RTLD_NOW);
    if (library == NULL || unlink(argv[argc - 1]) != 0) return 99;
    void *(*made)(void) = (void *(*)(void))dlsym(library, "made");
    free(made());
    return 0;
}
#endif
