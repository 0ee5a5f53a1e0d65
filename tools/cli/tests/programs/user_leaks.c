/* Blocks that the C library allocates for its caller, who frees none of them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *nothing(void *unused) { return unused; }

int main(void) {
    fprintf(fopen("/dev/null", "w"), "x");
    newlocale(LC_ALL_MASK, "C.UTF-8", 0);
    pthread_t thread;
    for (int i = 0; i < 60; i++) pthread_create(&thread, 0, nothing, 0);
    struct addrinfo *found;
    getaddrinfo("localhost", "80", 0, &found);
    dlopen("libz.so.1", RTLD_NOW);
    setenv("NAME", "value", 1);
    char *text;
    asprintf(&text, "%d", 3);
    strdup("x");
    getcwd(0, 0);
    opendir("/");
    realpath("/tmp/..", 0);
    regex_t regex;
    regcomp(&regex, "a*b", 0);
    return 0;
}
