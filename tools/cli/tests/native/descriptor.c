// A library with one thread's variable, reached through a TLS descriptor and nothing else: the call changes
// no register but rax. The variable's size is SIZE.
#include "checks.h"

__attribute__((used)) static __thread char variable[SIZE] __attribute__((aligned(ALIGNMENT)));

void reached(void);
__asm__(".text\n"
        ".globl reached\n"
        ".type reached, @function\n"
        "reached:\n"
        ".cfi_startproc\n"
        "subq $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "leaq variable@tlsdesc(%rip), %rax\n"
        "call *variable@tlscall(%rax)\n"
        "addq $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size reached, . - reached\n");

// The loader gives a thread's copy the variable's first value.
__attribute__((used)) int is_zero(void) {
    for (size_t i = 0; i < SIZE; i++) {
        if (variable[i]) {
            return 0;
        }
    }
    return 1;
}
