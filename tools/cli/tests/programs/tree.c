// Allocates 100 bytes, and so does each of its children: one forked, one forked that executes this
// program again, and one that executes `true` in its place.
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) static void work(void) { free(malloc(100)); }

static void spawn(void (*child)(char **), char **argv) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        child(argv);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (status != 0) exit(1);
}

static void only_work(char **argv) { (void)argv, work(); }

static void again(char **argv) { execl(argv[0], argv[0], "leaf", NULL); }

int main(int argc, char **argv) {
    work();
    if (argc > 1 && strcmp(argv[1], "leaf") == 0) return 0;
    spawn(only_work, argv);
    spawn(again, argv);
    return 7;
}
