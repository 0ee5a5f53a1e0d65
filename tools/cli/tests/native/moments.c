// Blocks from before main to after it, from libraries that come and go, and of threads that end.
// Linked with library.c as `linked`; others are named by the arguments.
#define _GNU_SOURCE
#include "checks.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

void *call_linked(size_t size);
void take_linked(void *block);

static char **arguments;

#define PLAIN_SITE(name)                                                                  \
    static ACCOUNT(name);                                                                 \
    static SITE void *name(size_t size) {                                                 \
        made(&account_of_##name, size);                                                   \
        return used(malloc(any(size)));                                                   \
    }

PLAIN_SITE(site_main)
PLAIN_SITE(site_at_exit)
PLAIN_SITE(site_key_destructor)
PLAIN_SITE(site_thread)

static ACCOUNT(site_constructor_linked);
static ACCOUNT(site_destructor_linked);
static ACCOUNT(site_called_linked);

static void expect_of_linked(void) {
    made(&account_of_site_constructor_linked, 1000);
    made(&account_of_site_constructor_linked, 10);
    gone(&account_of_site_constructor_linked, 1000);
    made(&account_of_site_destructor_linked, 200);
    made(&account_of_site_destructor_linked, 20);
    gone(&account_of_site_destructor_linked, 200);
    print_account("", &account_of_site_constructor_linked);
    print_account("", &account_of_site_destructor_linked);
}

static void at_exit(void) {
    free(site_at_exit(50));
    gone(&account_of_site_at_exit, 50);
    site_at_exit(60);
    print_account("", &account_of_site_at_exit);
}

static void case_ends(void) {
    expect_of_linked();
    CHECK(atexit(at_exit) == 0);
    void *theirs = call_linked(77);
    made(&account_of_site_called_linked, 77);
    free(theirs);
    gone(&account_of_site_called_linked, 77);
    take_linked(site_main(88));
    gone(&account_of_site_main, 88);
    site_main(89);
    print_account("", &account_of_site_called_linked);
    print_account("", &account_of_site_main);
}

static pthread_key_t key;

static void key_destructor(void *block) {
    free(block);
    void *own = site_key_destructor(31);
    static _Thread_local int rounds;
    if (rounds++ < 2) {
        CHECK(pthread_setspecific(key, own) == 0);
    }
}

static void *thread_with_key(void *number) {
    CHECK(pthread_setspecific(key, malloc(any(11))) == 0);
    free(site_thread(100));
    return number ? site_thread(200) : NULL;
}

// The last that a thread does, after its own code has returned.
static void case_threads_end(void) {
    CHECK(pthread_key_create(&key, key_destructor) == 0);
    for (int round = 0; round < 25; round++) {
        pthread_t threads[4];
        for (long i = 0; i < 4; i++) {
            CHECK(pthread_create(&threads[i], NULL, thread_with_key, (void *)i) == 0);
        }
        for (int i = 0; i < 4; i++) {
            void *block;
            CHECK(pthread_join(threads[i], &block) == 0);
            free(block);
        }
    }
    // Three rounds a thread: two of its blocks are freed by the next round, one is not.
    account_of_site_key_destructor = (struct account){"site_key_destructor", 9300, 300, 6200, 200};
    account_of_site_thread = (struct account){"site_thread", 25000, 175, 25000, 175};
    print_account("", &account_of_site_key_destructor);
    print_account("", &account_of_site_thread);
}

typedef void *(*call)(size_t);
typedef void (*take)(void *);
typedef void *(*grow)(void *, size_t);

static void *found(void *library, const char *name) {
    void *symbol = dlsym(library, name);
    CHECK(symbol);
    return symbol;
}

// Memory from before and after, and a block that outlives the code that made it.
static void case_loads(void) {
    static ACCOUNT(site_called_plugin);
    static ACCOUNT(site_constructor_plugin);
    void *before = site_main(120);
    for (int i = 0; i < 300; i++) {
        void *library = dlopen(arguments[2], RTLD_NOW);
        CHECK(library);
        void *block = ((call)found(library, "call_plugin"))(64 + i % 5);
        made(&account_of_site_called_plugin, 64 + i % 5);
        ((take)found(library, "take_plugin"))(before);
        gone(&account_of_site_main, 120);
        before = site_main(120);
        CHECK(dlclose(library) == 0);
        CHECK(!dlopen(arguments[2], RTLD_NOW | RTLD_NOLOAD));
        made(&account_of_site_constructor_plugin, 1000);
        made(&account_of_site_constructor_plugin, 10);
        gone(&account_of_site_constructor_plugin, 1000);
        if (i % 4) {
            free(block);
            gone(&account_of_site_called_plugin, 64 + i % 5);
        }
    }
    print_account("", &account_of_site_main);
    print_account("", &account_of_site_called_plugin);
    print_account("", &account_of_site_constructor_plugin);
}

// A library that prefers its own libraries' functions calls glibc past us: its blocks come to our
// `free`, and ours go to glibc's.
static void case_past_us(void) {
    void *library = dlopen(arguments[2], RTLD_NOW | RTLD_DEEPBIND);
    CHECK(library);
    call theirs = (call)found(library, "call_plugin");
    take taken = (take)found(library, "take_plugin");
    grow grown = (grow)found(library, "grow_plugin");
    for (unsigned size = 1; size < 300000; size += 1 + size / 7) {
        void *block = theirs(size);
        fill(block, size, size);
        CHECK(malloc_usable_size(block) + 8 >= size);
        CHECK(is_filled(block, size, size));
        if (size % 3) {
            block = realloc(block, any(2 * size));
            CHECK(block && is_filled(block, size, size));
            fill(block, 2 * size, 1);
            block = realloc(block, any(size / 2 + 1));
            CHECK(block && is_filled(block, size / 2 + 1, 1));
        }
        free(block);
        block = site_main(size);
        fill(block, size, size);
        if (size % 3) {
            block = grown(block, 3 * size);
            CHECK(block && is_filled(block, size, size));
            fill(block, 3 * size, size);
        }
        if (size % 2) {
            taken(block);
        } else {
            free(block);
        }
    }
    puts("went past");
}

const struct test_case cases[] = {
    {"ends", case_ends},
    {"threads-end", case_threads_end},
    {"loads", case_loads},
    {"past-us", case_past_us},
    {NULL, NULL},
};

int main(int argc, char **argv) {
    arguments = argv;
    return run_case(cases, argc, argv);
}
