/* Calls rsi with rdi in a frame of ROOM bytes: below 128, so that the code is as long whatever the
   size is. The frame pointer is kept at its end, so that the wrong size leads nowhere. */
    .globl call_in_room
    .hidden call_in_room
    .type call_in_room, @function
call_in_room:
    .cfi_startproc
    sub $ROOM, %rsp
    .cfi_adjust_cfa_offset ROOM
    mov %rbp, (%rsp)
    .cfi_offset %rbp, -8 - ROOM
    call *%rsi
    mov (%rsp), %rbp
    .cfi_restore %rbp
    add $ROOM, %rsp
    .cfi_adjust_cfa_offset -ROOM
    ret
    .cfi_endproc
    .size call_in_room, . - call_in_room

    .section .note.GNU-stack, "", @progbits
