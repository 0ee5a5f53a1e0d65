// drops PROGRAM: becomes nobody, as servers do that root starts; forks a worker, which allocates;
// then executes PROGRAM.
#include <grp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) static void *by_worker(int size) { return malloc(size); }

int main(int argc, char **argv) {
    (void)argc;
    if (setgroups(0, NULL) || setgid(65534) || setuid(65534)) return 9;
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 100; i++) free(by_worker(500));
        exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    execv(argv[1], argv + 1);
    return 98;
}
