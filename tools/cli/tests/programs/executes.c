// executes WAY PROGRAM: executes PROGRAM with the arguments 1 to 7, by the function WAY. With a
// third argument it has 400 variables more in its environment.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define ARGUMENTS "1", "2", "3", "4", "5", "6", "7"

static int waited(pid_t pid) {
    int status;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static int execute(const char *way, char *path) {
    char *argv[] = {path, ARGUMENTS, NULL};
    pid_t pid;
    if (!strcmp(way, "execve")) execve(path, argv, environ);
    if (!strcmp(way, "execv")) execv(path, argv);
    if (!strcmp(way, "execvp")) execvp(path, argv);
    if (!strcmp(way, "execvpe")) execvpe(path, argv, environ);
    if (!strcmp(way, "execl")) execl(path, path, ARGUMENTS, NULL);
    if (!strcmp(way, "execlp")) execlp(path, path, ARGUMENTS, NULL);
    if (!strcmp(way, "execle")) execle(path, path, ARGUMENTS, NULL, environ);
    if (!strcmp(way, "fexecve")) fexecve(open(path, O_RDONLY), argv, environ);
    if (!strcmp(way, "execveat")) execveat(AT_FDCWD, path, argv, environ, 0);
    if (!strcmp(way, "posix_spawn") && !posix_spawn(&pid, path, NULL, NULL, argv, environ))
        return waited(pid);
    if (!strcmp(way, "posix_spawnp") && !posix_spawnp(&pid, path, NULL, NULL, argv, environ))
        return waited(pid);
    if (!strcmp(way, "vfork")) {
        pid = vfork();
        if (pid == 0) {
            execve(path, argv, environ);
            _exit(99);
        }
        return waited(pid);
    }
    return 98;
}

int main(int argc, char **argv) {
    free(malloc(11));
    const char *way = argv[1];
    if (argc > 3)
        for (int i = 0; i < 400; i++) {
            char name[20];
            sprintf(name, "MANY_%d", i);
            setenv(name, "variables", 1);
        }
    return execute(way, argv[2]);
}
