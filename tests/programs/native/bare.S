/* Calls in frames that compilers do not make, and in such that do not say what they are. Each
   function is called as name(walk, function) and calls function(walk), some of them more than
   once. */
    .text

    .macro begin name
    .globl \name
    .hidden \name
    .type \name, @function
    .p2align 4
\name:
    .endm

    .macro end name
    .size \name, . - \name
    .endm

/* No unwind tables; a frame pointer. */
begin call_framed
    push %rbp
    mov %rsp, %rbp
    sub $32, %rsp
    call *%rsi
    leave
    ret
end call_framed

/* No unwind tables, no frame pointer: the register holds what some caller left there. */
begin call_frameless
    sub $24, %rsp
    call *%rsi
    add $24, %rsp
    ret
end call_frameless

/* No unwind tables, and as frame pointer a place further out on the stack: the third argument says
   how far. */
begin call_misled
    push %rbp
    lea (%rsp,%rdx), %rbp
    call *%rsi
    pop %rbp
    ret
end call_misled

/* No unwind tables, and the third argument as frame pointer. */
begin call_pointed
    push %rbp
    mov %rdx, %rbp
    call *%rsi
    pop %rbp
    ret
end call_pointed

/* The stack pointer is elsewhere at every call. */
begin call_pushing
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
    call *%r12
    push $1
    .cfi_adjust_cfa_offset 8
    push $2
    .cfi_adjust_cfa_offset 8
    mov %rbx, %rdi
    call *%r12
    sub $4096, %rsp
    .cfi_adjust_cfa_offset 4096
    mov %rbx, %rdi
    call *%r12
    add $4120, %rsp
    .cfi_adjust_cfa_offset -4120
    pop %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
end call_pushing

/* The frame pointer is saved where no prologue would push it, and holds no address meanwhile. */
begin call_far_pointer
    .cfi_startproc
    sub $120, %rsp
    .cfi_adjust_cfa_offset 120
    mov %rbp, 8(%rsp)
    .cfi_offset %rbp, -120
    mov $12345, %ebp
    call *%rsi
    mov 8(%rsp), %rbp
    .cfi_restore %rbp
    add $120, %rsp
    .cfi_adjust_cfa_offset -120
    ret
    .cfi_endproc
end call_far_pointer

/* The frame pointer is saved in another register: rules have no room for that. */
begin call_register_pointer
    .cfi_startproc
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -16
    mov %rbp, %rbx
    .cfi_register %rbp, %rbx
    xor %ebp, %ebp
    call *%rsi
    mov %rbx, %rbp
    .cfi_restore %rbp
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
end call_register_pointer

/* The frame is counted from another register than the two that a walk knows. */
begin call_other_base
    .cfi_startproc
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -16
    mov %rsp, %rbx
    .cfi_def_cfa_register %rbx
    sub $64, %rsp
    call *%rsi
    mov %rbx, %rsp
    .cfi_def_cfa_register %rsp
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
end call_other_base

/* Is called by a return, so that its return address does not follow a call. */
begin call_by_return
    .cfi_startproc
    sub $8, %rsp
    .cfi_adjust_cfa_offset 8
    lea 1f(%rip), %rax
    push %rax
    .cfi_adjust_cfa_offset 8
    push %rsi
    .cfi_adjust_cfa_offset 8
    ret
    .cfi_adjust_cfa_offset -16
    nop
1:  add $8, %rsp
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
end call_by_return

/* Jumps: it is on nobody's stack. */
begin call_by_jump
    .cfi_startproc
    jmp *%rsi
    .cfi_endproc
end call_by_jump

/* A signal handler is called between the instructions of a prologue and an epilogue. */
begin call_trapping
    .cfi_startproc
    int3
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -16
    int3
    push %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -24
    int3
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $72, %rsp
    int3
    call *%rsi
    leave
    .cfi_def_cfa %rsp, 16
    .cfi_restore %rbp
    int3
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    int3
    ret
    .cfi_endproc
end call_trapping

    .section .note.GNU-stack, "", @progbits
