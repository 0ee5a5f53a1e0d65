/* Pairs of calls that look alike from within: what a walk must not take for the same stack. In each
   of these functions the callee has the same return address and the same stack pointer twice,
   and the words that return addresses were read from still hold what they held; and yet the callers
   are others.

       name(callee, argument) calls callee(argument), twice. */
    .text

    .macro begin name
    .type \name, @function
    .p2align 4
\name:
    .endm

    .macro end name
    .size \name, . - \name
    .endm

/* Calls rdi with rsi in a frame that is counted from the frame pointer; makes room of rdx bytes
   first, and writes nothing there. */
begin by_pointer
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub %rdx, %rsp
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    leave
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
end by_pointer

/* The second frame begins 64 bytes further out and is 64 bytes larger: only the frame pointer
   differs. What the first frame was left by now lies in the second's room, as it was. */
    .globl two_pointers
    .hidden two_pointers
begin two_pointers
    .cfi_startproc
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -16
    push %r12
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r12, -24
    sub $8, %rsp
    .cfi_adjust_cfa_offset 8
    mov %rdi, %rbx
    mov %rsi, %r12
    sub $64, %rsp
    .cfi_adjust_cfa_offset 64
    mov $64, %edx
    call by_pointer
    add $64, %rsp
    .cfi_adjust_cfa_offset -64
    mov %rbx, %rdi
    mov %r12, %rsi
    mov $128, %edx
    call by_pointer
    add $8, %rsp
    .cfi_adjust_cfa_offset -8
    pop %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
end two_pointers

/* As GCC aligns a stack to 64 bytes: where the frame begins is itself a word of the frame. */
begin aligned
    .cfi_startproc
    lea 8(%rsp), %r10
    .cfi_def_cfa %r10, 0
    and $-64, %rsp
    push -8(%r10)
    push %rbp
    mov %rsp, %rbp
    .cfi_escape 0x10, 6, 2, 0x76, 0 /* rbp is at rbp + 0 */
    push %r10
    .cfi_escape 0x0f, 3, 0x76, 0x78, 6 /* the frame begins at the word at rbp - 8 */
    sub $8, %rsp
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov -8(%rbp), %r10
    .cfi_def_cfa %r10, 0
    mov (%rbp), %rbp
    .cfi_restore %rbp
    lea -8(%r10), %rsp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
end aligned

/* Calls from two places 16 bytes apart, which the callee's alignment makes one. The return address
   of the first call lies in the second's padding, as it was. */
    .globl two_beginnings
    .hidden two_beginnings
begin two_beginnings
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    push %rbx
    .cfi_offset %rbx, -24
    push %r12
    .cfi_offset %r12, -32
    mov %rdi, %rbx
    mov %rsi, %r12
    sub $128, %rsp
    and $-64, %rsp
    add $32, %rsp
    call aligned
    add $16, %rsp
    mov %rbx, %rdi
    mov %r12, %rsi
    call aligned
    lea -16(%rbp), %rsp
    pop %r12
    pop %rbx
    pop %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
end two_beginnings

begin interrupted
    .cfi_startproc
    ud2
    ret
    .cfi_endproc
end interrupted

/* Interrupted at places 16 bytes apart: the kernel aligns what it saves, so that several of the
   four have it at the same address, with the same instruction and another stack pointer. The
   return address of each lies below the next one's, where a signal handler may not write. */
    .globl four_interruptions
    .hidden four_interruptions
begin four_interruptions
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $128, %rsp
    and $-64, %rsp
    call interrupted
    add $16, %rsp
    call interrupted
    add $16, %rsp
    call interrupted
    add $16, %rsp
    call interrupted
    leave
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
end four_interruptions

    .section .note.GNU-stack, "", @progbits
