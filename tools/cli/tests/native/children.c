// Every way to start a process, and what may happen in it before it is another program.
#define _GNU_SOURCE
#include "checks.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;
extern char **environ;

static ACCOUNT(site_parent);
static SITE void *site_parent(size_t size) {
    made(&account_of_site_parent, size);
    return used(malloc(any(size)));
}

static void free_of_parent(void *block, size_t size) {
    gone(&account_of_site_parent, size);
    free(block);
}

// Never seen in the parent's recording.
static ACCOUNT(site_child);
static SITE void *site_child(size_t size) {
    return used(malloc(any(size)));
}

static void child_s_work(int blocks) {
    for (int i = 0; i < blocks; i++) {
        void *block = site_child(500);
        if (i % 2) {
            free(block);
        }
    }
}

static void wait_for(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void print_all(void) {
    print_account("", &account_of_site_parent);
    print_account("", &account_of_site_child);
}

// The variables that a program finds in its environment, and passes on.
static void print_environment(void) {
    for (char **variable = environ; *variable; variable++) {
        printf("environment %s\n", *variable);
    }
}

static char *const shell[] = {"/bin/sh", "-c", "exit 7", NULL};

static void case_vfork(void) {
    for (volatile int i = 0; i < 100; i++) {
        site_parent(10);
        pid_t child = vfork();
        if (child == 0) {
            execv(shell[0], shell);
            _exit(1);
        }
        wait_for(child);
    }
    print_all();
    print_environment();
}

static void case_spawn(void) {
    for (int i = 0; i < 100; i++) {
        site_parent(10);
        pid_t child;
        CHECK(posix_spawn(&child, shell[0], NULL, NULL, shell, environ) == 0);
        wait_for(child);
    }
    CHECK(WEXITSTATUS(system("exit 7")) == 7);
    FILE *pipe = popen("cat; exit 7", "w");
    fputs("through a pipe\n", pipe);
    CHECK(WEXITSTATUS(pclose(pipe)) == 7);
    print_all();
}

static pid_t by_fork(void) {
    return fork();
}

// Runs no handlers.
static pid_t by_bare_fork(void) {
    return _Fork();
}

// Not even the C library knows.
static pid_t by_clone(void) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void forked(pid_t (*start)(void), int times) {
    void *shared = site_parent(333);
    for (int i = 0; i < times; i++) {
        fflush(stdout);
        pid_t child = start();
        if (child == 0) {
            child_s_work(5 + i % 100);
            free(shared);
            fill(realloc(site_child(10), any(10000)), 10000, 1);
            _exit(7);
        }
        void *block = site_parent(20);
        wait_for(child);
        if (i % 2) {
            free_of_parent(block, 20);
        }
    }
    free_of_parent(shared, 333);
    print_all();
}

static void case_fork(void) {
    forked(by_fork, 100);
}

static void case_bare_fork(void) {
    forked(by_bare_fork, 100);
}

static void case_clone(void) {
    forked(by_clone, 100);
}

// Children of children, by exit and by _exit; each prints what it has done itself.
static void child_family(int depth);

static void family(int depth) {
    account_of_site_child = (struct account){"site_child", 0, 0, 0, 0};
    for (int i = 0; i <= depth; i++) {
        site_child(100 + depth);
        made(&account_of_site_child, 100 + depth);
    }
    for (int i = 0; depth > 0 && i < 3; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            child_family(depth - 1);
        }
        wait_for(child);
    }
    printf("process %d %llu\n", depth, (unsigned long long)account_of_site_child.bytes);
    fflush(stdout);
    if (depth % 2) {
        exit(7);
    }
    _exit(7);
}

static void child_family(int depth) {
    family(depth);
}

static void case_family(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        family(3);
    }
    wait_for(child);
}

static void case_many(void) {
    long many = strtol(arguments[2], NULL, 10);
    for (long started = 0, ended = 0; ended < many;) {
        if (started < many && started - ended < 4) {
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                site_child(40);
                free(site_child(60));
                _exit(7);
            }
            started++;
            site_parent(3);
        } else {
            int status;
            CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 7);
            ended++;
        }
    }
    print_all();
}

static _Atomic int done;

static void *busy(void *number) {
    void *blocks[16] = {0};
    for (unsigned i = (unsigned)(uintptr_t)number; !done; i++) {
        free(blocks[i % 16]);
        blocks[i % 16] = malloc(any(i % 3000));
    }
    for (int i = 0; i < 16; i++) {
        free(blocks[i]);
    }
    return NULL;
}

// Whatever the other threads held at the moment of the fork is held for ever in the child.
static void case_fork_among_threads(void) {
    pthread_t threads[4];
    for (long i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, busy, (void *)i) == 0);
    }
    for (int i = 0; i < 150; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            child_s_work(100);
            i % 2 ? _exit(7) : exit(7);
        }
        site_parent(5);
        wait_for(child);
    }
    done = 1;
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    print_all();
}

// Another program in the same process, three times.
static void case_exec(void) {
    int rounds = arguments[2] ? atoi(arguments[2]) : 0;
    void *block = site_parent(1000 + rounds);
    site_parent(1);
    free_of_parent(block, 1000 + rounds);
    print_all();
    fflush(stdout);
    if (rounds < 2) {
        char text[] = {(char)('1' + rounds), 0};
        execl(arguments[0], arguments[0], "exec", text, NULL);
        CHECK(!"exec failed");
    }
    print_environment();
}

const struct test_case cases[] = {
    {"vfork", case_vfork},   {"spawn", case_spawn},
    {"fork", case_fork},     {"bare-fork", case_bare_fork},
    {"clone", case_clone},   {"family", case_family},
    {"many", case_many},     {"fork-among-threads", case_fork_among_threads},
    {"exec", case_exec},     {NULL, NULL},
};

int main(int argc, char **argv) {
    arguments = argv;
    return run_case(cases, argc, argv);
}
