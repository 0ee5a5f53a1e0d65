// Many of everything, and little of what is needed for it.
#define _GNU_SOURCE
#include "paths.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;

static unsigned number(int index) {
    CHECK(arguments[index]);
    return (unsigned)strtoul(arguments[index], NULL, 10);
}

static pthread_barrier_t all_there;

static SITE void *site_in_thread(size_t size) {
    return used(malloc(any(size)));
}

static void *thread_main(void *waits) {
    void *blocks[10];
    for (int i = 0; i < 10; i++) {
        blocks[i] = site_in_thread(100 + (size_t)i);
    }
    if (waits) {
        pthread_barrier_wait(&all_there);
    }
    for (int i = 0; i < 10; i += 2) {
        free(blocks[i]);
    }
    return blocks[9];
}

static pthread_t started(void *(*entry)(void *), void *argument) {
    pthread_attr_t small;
    pthread_t thread;
    CHECK(pthread_attr_init(&small) == 0);
    CHECK(pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN + (64 << 10)) == 0);
    CHECK(pthread_create(&thread, &small, entry, argument) == 0);
    CHECK(pthread_attr_destroy(&small) == 0);
    return thread;
}

static void expect_of_threads(unsigned threads) {
    struct account account = {"site_in_thread", threads * 1045u, threads * 10u, threads * 629u,
                              threads * 6u};
    print_account("", &account);
}

// 10 blocks a thread, 5 freed by itself and one by the main thread.
static void case_threads_at_once(void) {
    unsigned threads = number(2);
    pthread_t *all = malloc(threads * sizeof *all);
    CHECK(pthread_barrier_init(&all_there, NULL, threads + 1) == 0);
    for (unsigned i = 0; i < threads; i++) {
        all[i] = started(thread_main, all);
    }
    pthread_barrier_wait(&all_there);
    for (unsigned i = 0; i < threads; i++) {
        void *block;
        CHECK(pthread_join(all[i], &block) == 0);
        free(block);
    }
    expect_of_threads(threads);
}

static void case_threads_in_turn(void) {
    unsigned threads = number(2);
    for (unsigned i = 0; i < threads; i++) {
        void *block;
        CHECK(pthread_join(started(thread_main, NULL), &block) == 0);
        free(block);
    }
    expect_of_threads(threads);
}

static ACCOUNT(site_live);
static SITE void *site_live(size_t size) {
    made(&account_of_site_live, size);
    return used(malloc(any(size)));
}

static void case_live(void) {
    unsigned blocks = number(2);
    void **all = malloc(blocks * sizeof *all);
    for (unsigned i = 0; i < blocks; i++) {
        all[i] = site_live(i % 50);
    }
    for (unsigned i = 0; i < blocks; i += 3) {
        free(all[i]);
        gone(&account_of_site_live, i % 50);
    }
    print_account("", &account_of_site_live);
}

static ACCOUNT(site_path);
static SITE void *site_path(unsigned path, size_t size) {
    made(&account_of_site_path, size);
    return used(down(path, BY_MALLOC, size));
}

// So many call sites, each of them twice.
static void case_sites(void) {
    unsigned sites = number(2);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned path = 1; path <= sites; path++) {
            void *block = site_path(path, 30 + path % 7);
            if (path % 5) {
                free(block);
                gone(&account_of_site_path, 30 + path % 7);
            }
        }
    }
    print_account("", &account_of_site_path);
}

static void on_file_size(int signal) {
    (void)signal;
    write(2, "SIGXFSZ\n", 8);
    _exit(97);
}

static void case_sites_without_sigxfsz(void) {
    CHECK(signal(SIGXFSZ, on_file_size) == SIG_DFL);
    case_sites();
}

static SITE int site_descriptors(void) {
    int count = 0;
    while (open("/dev/null", O_RDONLY) >= 0) {
        count++;
    }
    CHECK(errno == EMFILE);
    return count;
}

// No descriptor is left: for us neither. And all that the program had are still its own.
static void case_descriptors(void) {
    printf("descriptors %d\n", site_descriptors());
    unsigned threads = 20;
    for (unsigned i = 0; i < threads; i++) {
        void *block;
        CHECK(pthread_join(started(thread_main, NULL), &block) == 0);
        free(block);
    }
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            free(site_live(10));
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    for (unsigned path = 1; path < 10000; path++) {
        site_path(path, 10);
    }
    print_account("", &account_of_site_path);
    print_account("", &account_of_site_live);
    expect_of_threads(threads);
}

// Standard input, output and error were closed; what is opened now gets their numbers.
static void case_closed(void) {
    int first = open("first", O_RDWR | O_CREAT, 0600);
    int second = open("second", O_RDWR | O_CREAT, 0600);
    int third = open("third", O_RDWR | O_CREAT, 0600);
    site_live(100);
    case_sites();
    FILE *output = fopen("output", "w");
    fprintf(output, "descriptors %d %d %d %d\n", first, second, third, fileno(output));
    fclose(output);
    // To what is called standard output, and is a file of the program's.
    print_account("", &account_of_site_live);
    fflush(stdout);
}

const struct test_case cases[] = {
    {"threads-at-once", case_threads_at_once},
    {"threads-in-turn", case_threads_in_turn},
    {"live", case_live},
    {"sites", case_sites},
    {"sites-without-sigxfsz", case_sites_without_sigxfsz},
    {"descriptors", case_descriptors},
    {"closed", case_closed},
    {NULL, NULL},
};

int main(int argc, char **argv) {
    arguments = argv;
    return run_case(cases, argc, argv);
}
