// A known sequence of events, with a record of how far it got in memory that outlives the process:
//
//   progress run FILE THREADS ENDING [EVENTS]   for ever, or until thread 0 has done EVENTS and ends
//   progress model THREAD EVENTS                what the sites of a thread have done by then
//
// FILE: u64 process id; then for each thread, at multiples of 128 bytes, u64 events begun, u64 done.
#define _GNU_SOURCE
#include "paths.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 300 };

struct progress {
    _Atomic uint64_t begun, done;
    char apart[112];
};

struct shared {
    _Atomic uint64_t id;
    char apart[120];
    struct progress threads[THREADS];
};

struct block {
    void *memory;
    size_t size;
    struct account *account;
};

struct state {
    int thread;
    uint64_t random;
    struct account accounts[KINDS];
    struct block blocks[SLOTS];
};

typedef void *(*site)(unsigned path, size_t size);

#define SITES(thread)                                                                     \
    static SITE void *site_malloc_##thread(unsigned path, size_t size) {                  \
        return used(down(path, BY_MALLOC, size));                                         \
    }                                                                                     \
    static SITE void *site_calloc_##thread(unsigned path, size_t size) {                  \
        return used(down(path, BY_CALLOC, size));                                         \
    }                                                                                     \
    static SITE void *site_realloc_##thread(unsigned path, size_t size) {                 \
        return used(down(path, BY_REALLOC, size));                                        \
    }

SITES(0)
SITES(1)
SITES(2)
SITES(3)

#define NAMES(thread)                                                                     \
    { "site_malloc_" #thread, "site_calloc_" #thread, "site_realloc_" #thread }
#define FUNCTIONS(thread) { site_malloc_##thread, site_calloc_##thread, site_realloc_##thread }

static const char *const names[THREADS][KINDS] = {NAMES(0), NAMES(1), NAMES(2), NAMES(3)};
static const site sites[THREADS][KINDS] = {FUNCTIONS(0), FUNCTIONS(1), FUNCTIONS(2), FUNCTIONS(3)};

static struct state states[THREADS];
static struct shared *shared;
static const char *ending;
static uint64_t last = UINT64_MAX;

static struct state *state_of(int thread) {
    struct state *state = &states[thread];
    state->thread = thread;
    state->random = 88172645463325252u + (uint64_t)thread;
    for (int kind = 0; kind < KINDS; kind++) {
        state->accounts[kind].site = names[thread][kind];
    }
    return state;
}

static uint64_t next(struct state *state) {
    uint64_t x = state->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return state->random = x;
}

static size_t some_size(uint64_t random) {
    return (random >> 16) % (random & (1 << 15) ? 90 : 3000);
}

static void begin(struct state *state, struct block *block, uint64_t random, int real) {
    int kind = (int)((random >> 40) % KINDS);
    // Mostly old ways, sometimes new ones.
    unsigned path = (unsigned)(random >> 44) & (random & 0xf0 ? 0x1f : 0x3fff);
    block->size = some_size(random);
    block->account = &state->accounts[kind];
    made(block->account, block->size);
    block->memory = real ? sites[state->thread][kind](path, block->size) : state;
}

static void grow(struct block *block, uint64_t random, int real) {
    size_t size = some_size(random) + 1;
    remade(block->account, block->size, size);
    if (real) {
        block->memory = realloc(block->memory, size);
    }
    block->size = size;
}

static void end(struct block *block, int real) {
    gone(block->account, block->size);
    if (real) {
        free(block->memory);
    }
    block->memory = NULL;
}

static void event(struct state *state, int real) {
    uint64_t random = next(state);
    struct block *block = &state->blocks[random % SLOTS];
    if (!block->memory) {
        begin(state, block, random, real);
    } else if ((random >> 40) % 3 == 0) {
        grow(block, random, real);
    } else {
        end(block, real);
    }
}

static void give_up(void) {
    if (strcmp(ending, "segv") == 0) {
        *(volatile int *)any(8) = 1;
    } else if (strcmp(ending, "abort") == 0) {
        abort();
    } else if (strcmp(ending, "term") == 0) {
        kill(getpid(), SIGTERM);
        pause();
    } else if (strcmp(ending, "_exit") == 0) {
        _exit(3);
    } else if (strcmp(ending, "quick_exit") == 0) {
        quick_exit(3);
    } else if (strcmp(ending, "exit") == 0) {
        exit(3);
    } else if (strcmp(ending, "hog") == 0) {
        // Until the memory that it may have is used up. Not by allocating: that would be an event.
        for (;;) {
            char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
            memset(memory, 1, 1 << 20);
        }
    }
    CHECK(!"this ending is not known");
}

static void *thread_main(void *argument) {
    struct state *state = argument;
    struct progress *progress = &shared->threads[state->thread];
    for (uint64_t done = 0;; done++) {
        if (state->thread == 0 && done == last) {
            give_up();
        }
        progress->begun = done + 1;
        event(state, 1);
        progress->done = done + 1;
    }
    return NULL;
}

static void run(char **arguments) {
    int file = open(arguments[0], O_RDWR | O_CREAT, 0600), threads = atoi(arguments[1]);
    ending = arguments[2];
    if (arguments[3]) {
        last = strtoull(arguments[3], NULL, 10);
    }
    CHECK(file >= 0 && ftruncate(file, sizeof *shared) == 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(shared != MAP_FAILED && close(file) == 0);
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
    shared->id = (uint64_t)getpid();
    for (int thread = 1; thread < threads; thread++) {
        pthread_t started;
        CHECK(pthread_create(&started, NULL, thread_main, state_of(thread)) == 0);
    }
    thread_main(state_of(0));
}

static void model(char **arguments) {
    struct state *state = state_of(atoi(arguments[0]));
    for (uint64_t events = strtoull(arguments[1], NULL, 10); events > 0; events--) {
        event(state, 0);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        print_account("", &state->accounts[kind]);
    }
}

int main(int argc, char **argv) {
    if (argc > 4 && strcmp(argv[1], "run") == 0) {
        run(argv + 2);
    } else if (argc == 4 && strcmp(argv[1], "model") == 0) {
        model(argv + 2);
    } else {
        return 98;
    }
}
