// Locks all of its memory, present and future, and prints how much that is in KiB. With an argument it may lock so many MiB
// at the most, as a user without rights. With `fault` after that, pages are locked when they are touched.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static long in_status(const char *name) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long number = -1;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) number = atol(line + strlen(name) + 1);
    if (file) fclose(file);
    return number;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        struct rlimit limit = {strtoul(argv[1], NULL, 10) << 20, strtoul(argv[1], NULL, 10) << 20};
        setrlimit(RLIMIT_MEMLOCK, &limit);
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 2;
    }
    int flags = MCL_CURRENT | MCL_FUTURE | (argc > 2 ? MCL_ONFAULT : 0);
    if (mlockall(flags) != 0) {
        printf("refused %d\n", errno);
        return 1;
    }
    // Later memory is locked, too.
    char *later = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *volatile block = malloc(1000);
    printf("locked %ld resident %ld\n", in_status("VmLck:"), in_status("VmRSS:"));
    free(block);
    return later == MAP_FAILED;
}
