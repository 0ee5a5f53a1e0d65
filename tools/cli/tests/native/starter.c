// Runs the program that its arguments are, and ends as that does.
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    int status;
    pid_t child;
    if (argc < 2 || posix_spawn(&child, argv[1], 0, 0, argv + 1, environ) != 0) {
        return 98;
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
