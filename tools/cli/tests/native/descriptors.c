// Registers that a TLS descriptor's call changes: fills all registers, makes the call, and prints those that
// are not what they were. The call is a thread's first access, so that the loader allocates.
//
//     descriptors CASE LIBRARY
#include "checks.h"
#include "vectors.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VECTORS = 32, MASKS = 8, GENERAL = 14 };
static const char *const names[GENERAL] = {"rbx ", "rcx ", "rdx ", "rdi ", "rbp ", "r8 ", "r9 ",
                                           "r10 ", "r11 ", "r12 ", "r13 ", "r14 ", "r15 ", "rsi "};

// The offsets are `site_around`'s.
struct registers {
    _Alignas(64) unsigned char vectors[VECTORS][64];
    uint64_t masks[MASKS];
    uint64_t general[GENERAL];
    unsigned char legacy[512]; // as fxsave writes it: x87, MXCSR
};
struct both {
    struct registers before, after;
};
_Static_assert(offsetof(struct registers, masks) == 2048, "site_around");
_Static_assert(offsetof(struct registers, general) == 2112, "site_around");
_Static_assert(offsetof(struct registers, legacy) == 2224, "site_around");
_Static_assert(sizeof(struct registers) == 2752, "site_around");

// Loads the registers from `before`, calls, and stores them in `after`.
void site_around(void (*call)(void), struct both *both, int vectors);
#define AFTER "2752+"
#define VECTORS_BETWEEN(at, save)                                                       \
    "cmpl $1, %edx\n jb 1f\n je 2f\n"                                                          \
    EACH(SIXTEEN ", " UPPER, save("vmovdqu64", at "\\r*64(%rsi)", "%zmm\\r"))                   \
    EACH(EIGHT, save("kmovq", at "2048+\\r*8(%rsi)", "%k\\r"))                                  \
    "jmp 3f\n"                                                                                 \
    "2:\n" EACH(SIXTEEN, save("vmovdqu", at "\\r*64(%rsi)", "%ymm\\r"))                         \
    "jmp 3f\n"                                                                                 \
    "1:\n" EACH(SIXTEEN, save("movups", at "\\r*64(%rsi)", "%xmm\\r"))                          \
    "3:\n"
#define LOAD(move, memory, register) move " " memory ", " register
#define STORE(move, memory, register) move " " register ", " memory
#define GENERAL_BUT_RSI(move)                                                                  \
    move(0, "%rbx") move(1, "%rcx") move(2, "%rdx") move(3, "%rdi") move(4, "%rbp")            \
    move(5, "%r8") move(6, "%r9") move(7, "%r10") move(8, "%r11") move(9, "%r12")              \
    move(10, "%r13") move(11, "%r14") move(12, "%r15")
#define FROM_BEFORE(n, register) "movq 2112+" #n "*8(%rsi), " register "\n"
#define TO_AFTER(n, register) "movq " register ", " AFTER "2112+" #n "*8(%rax)\n"
#define PUSH(register)                                                                         \
    "pushq " register "\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset " register ", 0\n"
#define POP(register) "popq " register "\n .cfi_adjust_cfa_offset -8\n .cfi_restore " register "\n"
__asm__(".text\n"
        ".globl site_around\n"
        ".type site_around, @function\n"
        "site_around:\n"
        ".cfi_startproc\n"
        PUSH("%rbp") PUSH("%rbx") PUSH("%r12") PUSH("%r13") PUSH("%r14") PUSH("%r15")
        "subq $24, %rsp\n"
        ".cfi_adjust_cfa_offset 24\n"
        "movq %rsi, (%rsp)\n"
        "movq %rdx, 8(%rsp)\n"
        "movq %rdi, 16(%rsp)\n"
        VECTORS_BETWEEN("", LOAD)
        "fninit\n"
        "fldcw control(%rip)\n"
        "fldpi\n"
        "fldl2e\n"
        "ldmxcsr mxcsr(%rip)\n"
        "fxsave64 2224(%rsi)\n"
        GENERAL_BUT_RSI(FROM_BEFORE)
        FROM_BEFORE(13, "%rsi")
        "movq 16(%rsp), %rax\n"
        "call *%rax\n"
        "movq (%rsp), %rax\n"
        GENERAL_BUT_RSI(TO_AFTER)
        TO_AFTER(13, "%rsi")
        "movq %rax, %rsi\n"
        "movq 8(%rsp), %rdx\n"
        "fxsave64 " AFTER "2224(%rsi)\n"
        VECTORS_BETWEEN(AFTER, STORE)
        "fninit\n"
        "ldmxcsr usual(%rip)\n"
        "cmpl $0, %edx\n je 4f\n vzeroupper\n 4:\n"
        "addq $24, %rsp\n"
        ".cfi_adjust_cfa_offset -24\n"
        POP("%r15") POP("%r14") POP("%r13") POP("%r12") POP("%rbx") POP("%rbp")
        "ret\n"
        ".cfi_endproc\n"
        ".size site_around, . - site_around\n"
        ".section .rodata\n"
        ".balign 4\n"
        "mxcsr: .long 0xdf81\n" // rounds up, flushes to zero; one exception is noted
        "usual: .long 0x1f80\n"
        "control: .word 0x0a7f\n" // double precision, rounds up
        ".text\n");

static void note(const char *kind, int number, const void *before, const void *after, size_t size) {
    if (memcmp(before, after, size)) {
        printf("%s%d\n", kind, number);
    }
}

static void compare(const struct registers *a, const struct registers *b, int level) {
    for (int r = 0; r < (level == AVX512 ? VECTORS : VECTORS / 2); r++) {
        note("xmm", r, a->vectors[r], b->vectors[r], 16);
        note("ymm", r, a->vectors[r] + 16, b->vectors[r] + 16, level >= AVX ? 16 : 0);
        note("zmm", r, a->vectors[r] + 32, b->vectors[r] + 32, level >= AVX512 ? 32 : 0);
    }
    for (int r = 0; r < MASKS; r++) {
        note("k", r, &a->masks[r], &b->masks[r], level == AVX512 ? 8 : 0);
    }
    for (int r = 0; r < GENERAL; r++) {
        note(names[r], r, &a->general[r], &b->general[r], 8);
    }
    note("mxcsr ", 0, a->legacy + 24, b->legacy + 24, 4);
    note("x87 ", 0, a->legacy, b->legacy, 5); // control, status, tags
    note("st", 0, a->legacy + 32, b->legacy + 32, 10);
    note("st", 1, a->legacy + 48, b->legacy + 48, 10);
}

// A library, and its two functions.
struct library {
    void *handle;
    void (*reached)(void);
    int (*is_zero)(void);
};

static struct library opened(const char *path) {
    struct library library = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    CHECK(library.handle);
    library.reached = (void (*)(void))dlsym(library.handle, "reached");
    library.is_zero = (int (*)(void))dlsym(library.handle, "is_zero");
    CHECK(library.reached && library.is_zero);
    return library;
}

static void reach(struct library library) {
    struct both both;
    for (int turn = 0; turn < 2; turn++) { // the second time there is nothing to allocate
        fill(&both.before, sizeof both.before, 3);
        memset(&both.after, 0, sizeof both.after);
        site_around(library.reached, &both, vectors());
        compare(&both.before, &both.after, vectors());
    }
    CHECK(library.is_zero());
}

static const char *path;

// The loader knows a library by its file, so each is a copy.
static struct library copied(void) {
    static int count;
    char copy[64], bytes[1 << 16];
    snprintf(copy, sizeof copy, "./copy-%d.so", count++);
    int from = open(path, O_RDONLY), to = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0700);
    CHECK(from >= 0 && to >= 0);
    for (ssize_t size; (size = read(from, bytes, sizeof bytes)) > 0;) {
        CHECK(write(to, bytes, (size_t)size) == size);
    }
    close(from);
    close(to);
    return opened(copy);
}

static void *reached_by_thread(void *library) {
    reach(*(struct library *)library);
    return NULL;
}

static void in_thread(void *(*work)(void *), void *argument) {
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, work, argument));
    CHECK(!pthread_join(thread, NULL));
}

// Twenty threads' first accesses.
static void first(void) {
    struct library library = opened(path);
    for (int i = 0; i < 20; i++) {
        in_thread(reached_by_thread, &library);
    }
}

// So many libraries that the thread's vector of them grows, twice.
static void *grown(void *unused) {
    struct library libraries[40];
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 40; i++) {
            libraries[i] = copied();
        }
        for (int i = 40; i-- > 0;) {
            reach(libraries[i]);
        }
    }
    return unused;
}

// The copy of a library that was closed is freed at the next one's first access.
static void *closed(void *unused) {
    for (int i = 0; i < 20; i++) {
        struct library library = copied();
        reach(library);
        CHECK(!dlclose(library.handle));
    }
    return unused;
}

int main(int count, char **words) {
    CHECK(count == 3);
    path = words[2];
    if (!strcmp(words[1], "first")) {
        first();
    } else if (!strcmp(words[1], "grown")) {
        in_thread(grown, NULL);
    } else if (!strcmp(words[1], "grown-first-thread")) {
        grown(NULL);
    } else if (!strcmp(words[1], "closed")) {
        in_thread(closed, NULL);
    } else if (!strcmp(words[1], "closed-first-thread")) {
        closed(NULL);
    } else {
        CHECK(!"a case");
    }
    return 0;
}
