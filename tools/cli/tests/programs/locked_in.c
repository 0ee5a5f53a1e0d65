/* Locks itself in by seccomp and goes on to allocate, in another thread, too. Whatever malloc and threads do
   not need kills it. Arguments: strict, filter, syscall (by its number), handler (of a signal,
   anywhere), refused, or clock (no clock alone); the number of call sites. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOW(name) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read), ALLOW(write), ALLOW(exit), ALLOW(exit_group), ALLOW(brk), ALLOW(mmap), ALLOW(munmap),
    ALLOW(mremap), ALLOW(madvise), ALLOW(mprotect), ALLOW(futex), ALLOW(clone), ALLOW(clone3), ALLOW(rseq),
    ALLOW(set_robust_list), ALLOW(rt_sigprocmask), ALLOW(rt_sigaction), ALLOW(rt_sigreturn), ALLOW(prctl),
    ALLOW(setitimer), ALLOW(wait4),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
static struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

/* Each sequence of bits is a stack of its own. */
static void *zero(unsigned bits, int depth);
static void *one(unsigned bits, int depth);
static void *volatile block;
static void *next(unsigned bits, int depth) {
    if (depth == 0) return malloc(33);
    return bits & 1 ? one(bits >> 1, depth - 1) : zero(bits >> 1, depth - 1);
}
static void *zero(unsigned bits, int depth) { void *result = next(bits, depth); return result; }
static void *one(unsigned bits, int depth) { void *result = next(bits, depth); return result; }

static void say(const char *text) {
    if (write(1, text, strlen(text)) < 0) _exit(8);
}

/* As often as a filter may be laid upon others, so that it interrupts whatever there is to interrupt. */
static volatile int locked;
static void lock_in(int signal) {
    (void)signal;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(9);
    locked++;
}

static int lock_in_by_handlers(void) {
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    signal(SIGALRM, lock_in);
    if (setitimer(ITIMER_REAL, &often, NULL)) return 9;
    for (unsigned bits = 0; locked < 100; bits++) free(next(bits & 63, 16));
    if (setitimer(ITIMER_REAL, &never, NULL)) return 9;
    return 0;
}

static void *other_thread(void *nothing) {
    for (int i = 0; i < 100; i++) free(malloc(77));
    block = malloc(55);
    return nothing;
}

int main(int count, char **arguments) {
    const char *which = count > 1 ? arguments[1] : "";
    unsigned sites = count > 2 ? (unsigned)atoi(arguments[2]) : 64;
    int is_strict = strcmp(which, "strict") == 0;
    free(malloc(200000)); /* strict mode allows no brk: the heap has room */
    free(malloc(20000));
    if (is_strict) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) return 9;
    } else if (strcmp(which, "clock") == 0) {
        if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV)) return 9;
    } else if (strcmp(which, "refused") == 0) {
        program.len = 0;
        errno = 0;
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != -1 || errno != EINVAL) return 9;
    } else {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 9;
        if (strcmp(which, "syscall") == 0) {
            if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program)) return 9;
        } else if (strcmp(which, "handler") == 0) {
            if (lock_in_by_handlers()) return 9;
        } else if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
            return 9;
        }
    }
    for (unsigned bits = 0; bits < sites; bits++) {
        block = next(bits, 16);
        free(block);
    }
    if (!is_strict) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, other_thread, NULL)) return 7;
        pthread_join(thread, NULL);
    }
    if (strcmp(which, "fork") == 0) {
        int ended = 0;
        pid_t child = fork();
        if (child == 0) {
            for (int i = 0; i < 1000; i++) free(malloc(44));
            _exit(0);
        }
        if (waitpid(child, &ended, 0) != child || ended != 0) return 6;
    }
    say("worked\n");
    if (is_strict) syscall(SYS_exit, 0);
    exit(0);
}
