// Asks by their functions which allocator there is, as programs do: by weak references, and by name.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

#pragma weak mallocx
#pragma weak sdallocx
#pragma weak nallocx
#pragma weak mallctl
#pragma weak mi_malloc
#pragma weak mi_version
#pragma weak tc_malloc
#pragma weak tc_version
#pragma weak malloc_size
#pragma weak cfree
extern void mallocx(void), sdallocx(void), nallocx(void), mallctl(void), mi_malloc(void), mi_version(void),
    tc_malloc(void), tc_version(void), malloc_size(void), cfree(void);

int main(void) {
    void (*weak[])(void) = {mallocx,    sdallocx,  nallocx,    mallctl,     mi_malloc,
                            mi_version, tc_malloc, tc_version, malloc_size, cfree};
    for (unsigned i = 0; i < sizeof weak / sizeof *weak; i++) {
        printf("%d", weak[i] != NULL);
    }
    const char *names[] = {"mallocx",     "rallocx",   "xallocx",     "sallocx",        "dallocx",
                           "sdallocx",    "nallocx",   "tc_malloc",   "tc_free_sized",  "tc_new",
                           "malloc_size", "mi_malloc", "mi_new_n",    "mi_heap_malloc", "mi_expand",
                           "cfree",       "vfree",     "tc_nallocx",  "malloc_good_size", "reallocf",
                           "_Znwm",       "_ZdlPvm",   "_ZnamSt11align_val_t", "__libc_malloc"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        printf("\n%s %d", names[i], dlsym(RTLD_DEFAULT, names[i]) != NULL);
    }
    puts("");
    return 0;
}
