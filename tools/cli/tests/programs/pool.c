// Takes MIB of memory and writes to all of it. HOW: `kept` maps it and has it at its end; `returned` and `killed` map it,
// say `ready`, wait for a line, and give it back or die; `blocks` takes it from malloc; `reserved` maps it and writes
// nothing. With -DTEXT it has a message of jemalloc's among its constants.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef TEXT
const char *volatile message = "<jemalloc>: Unsupported system page size\n";
#endif

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    free(malloc(10));
    size_t bytes = strtoul(argv[1], NULL, 10) << 20;
    const char *how = argv[2];
    int is_block = strcmp(how, "blocks") == 0;
    char *memory = is_block ? malloc(bytes)
                            : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == NULL || memory == MAP_FAILED) return 3;
    if (strcmp(how, "reserved") != 0) memset(memory, 1, bytes);
    int is_killed = strcmp(how, "killed") == 0;
    if (is_killed || strcmp(how, "returned") == 0) {
        puts("ready");
        fflush(stdout);
        if (getchar() == EOF) return 4;
        if (is_killed) raise(SIGKILL);
        munmap(memory, bytes);
    }
    if (is_block) free(memory);
    return 0;
}
