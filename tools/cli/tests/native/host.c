// A C program that loads a C++ library, and so C++'s own, with names that nobody else finds.
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    // int main(int, char **), compiled under the name of `work`.
    int (*work)(int, char **) = library ? (int (*)(int, char **))dlsym(library, "_Z4workiPPc") : NULL;
    if (!work) {
        fprintf(stderr, "%s\n", dlerror());
        return 98;
    }
    return work(argc - 1, argv + 1);
}
