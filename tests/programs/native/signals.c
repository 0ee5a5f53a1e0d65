/* Signal handlers that allocate, raised by the thread itself, and jumps out of them. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "host.h"

static const struct host *host;
static __thread sigjmp_buf *way_out;

static void NODE_NAME(on_signal)(int number) {
    (void)number;
    size_t mark = host->enter(__func__);
    host->step(host->current());
    host->step(host->current());
    host->leave(mark);
}

static void NODE_NAME(on_fatal_signal)(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    host->enter(__func__);
    sigjmp_buf *out = way_out;
    host->step(host->current());
    siglongjmp(*out, 1);
}

NODE(raises) {
    size_t mark = host->enter(__func__);
    raise(SIGUSR1);
    host->step(walk);
    host->leave(mark);
}

/* Goes back from the handler past everything between. */
NODE(jumps_from_handler) {
    size_t mark = host->enter(__func__);
    sigjmp_buf here, *outer = way_out;
    way_out = &here;
    if (sigsetjmp(here, 1) == 0) {
        host->step(walk);
        way_out = &here;
        raise(SIGUSR2);
    }
    way_out = outer;
    host->leave(mark);
    host->enter(__func__);
    host->step(walk);
    host->leave(mark);
}

static const struct node nodes[] = {
    {NODE_NAME(raises), 8 << 10},
    {NODE_NAME(jumps_from_handler), 8 << 10},
    {NULL, 0},
};

const struct node *native_start(const struct host *offered) {
    host = offered;
    struct sigaction plain = {.sa_handler = NODE_NAME(on_signal), .sa_flags = SA_NODEFER};
    struct sigaction detailed = {.sa_sigaction = NODE_NAME(on_fatal_signal),
                                 .sa_flags = SA_NODEFER | SA_SIGINFO};
    if (sigaction(SIGUSR1, &plain, NULL) != 0 || sigaction(SIGUSR2, &detailed, NULL) != 0)
        abort();
    return nodes;
}
