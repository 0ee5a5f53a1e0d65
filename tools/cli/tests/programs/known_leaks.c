/* Blocks that glibc keeps to the end, whatever the program does; and 12,345 bytes of its own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <grp.h>
#include <iconv.h>
#include <libintl.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *nothing(void *unused) { return unused; }

static void bye(void) {}

static void *leaked;

int main(void) {
    setlocale(LC_ALL, "");
    bindtextdomain("none", "/usr/share/locale");
    textdomain("none");
    gettext("hello");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, nothing, 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    for (int i = 0; i < 100; i++) atexit(bye);
    getpwuid(getuid());
    getgrgid(getgid());
    struct addrinfo *found;
    if (getaddrinfo("localhost", 0, 0, &found) == 0) freeaddrinfo(found);
    gethostbyname("localhost");
    getservbyname("http", "tcp");
    dlopen("libof-nobody.so", RTLD_NOW);
    tzset();
    time_t now = time(0);
    localtime(&now);
    strerror(123456);
    strsignal(1234);
    void *frames[4];
    backtrace(frames, 4);
    wchar_t wide[8];
    mbstowcs(wide, "abc", 8);
    iconv_t converter = iconv_open("UTF-16", "ISO-8859-1");
    if (converter != (iconv_t)-1) iconv_close(converter);
    printf("%d\n", 3);
    getchar();
    leaked = malloc(12345);
    /* Exit handlers would free some of it. */
    fflush(stdout);
    _exit(0);
}
