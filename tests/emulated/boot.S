/* The ROM of the emulated processor: from the reset vector to 64-bit mode, with every vector register and
 * the tiles switched on, then machine.c. Also the entries of system calls and exceptions. */

#define RAM_TABLES 0x10000
#define STACK_TOP 0x70000
#define SAVED_STACK 0x7FF00         /* of the program; below it, the stack of machine.c */
#define SAVED_ADDRESS (SAVED_STACK + 8)

    .section .start, "ax"
    .code16
    .globl start
start:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl descriptor_pointer - start
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x08, $protected

    .code32
protected:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    /* Memory as it is, in pages of 1 GB: one table that points to one with 512 of them. */
    movl $RAM_TABLES, %edi
    xorl %eax, %eax
    movl $2048, %ecx
    rep stosl
    movl $RAM_TABLES + 0x1003, RAM_TABLES
    movl $RAM_TABLES + 0x1000, %edi
    xorl %edx, %edx
    movl $0x83, %eax
1:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $8, %edi
    addl $0x40000000, %eax
    adcl $0, %edx
    cmpl $RAM_TABLES + 0x2000, %edi
    jb 1b
    movl $RAM_TABLES, %eax
    movl %eax, %cr3
    movl $0x50620, %eax             /* PAE, FXSR, exceptions of vectors, FSGSBASE, XSAVE */
    movl %eax, %cr4
    movl $0xC0000080, %ecx          /* EFER: 64-bit mode, SYSCALL */
    movl $0x101, %eax
    xorl %edx, %edx
    wrmsr
    movl $0x80010023, %eax          /* PG, WP, NE, MP, PE; not EM, not TS */
    movl %eax, %cr0
    ljmpl $0x18, $long_mode

    .code64
long_mode:
    xorl %eax, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    movl $STACK_TOP, %esp
    call machine_start
1:  hlt
    jmp 1b

/* The program runs in ring 0 too, where SYSRET would leave it. */
    .globl system_call_entry
system_call_entry:
    movq %rsp, SAVED_STACK
    movl $SAVED_STACK, %esp
    pushq %rcx
    pushq %r11
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %r10
    pushq %r8
    pushq %r9
    pushq %rax
    movq %rsp, %rdi
    subq $8, %rsp
    call system_call
    addq $8, %rsp
    popq %rax
    popq %r9
    popq %r8
    popq %r10
    popq %rdx
    popq %rsi
    popq %rdi
    popq %r11
    popq %rcx
    movq SAVED_STACK, %rsp
    jmpq *%rcx

/* From the code that stands for a tdpbssd (replace_products), on the stack of machine.c: operands and the
 * address behind it. */
    .globl multiply_bytes_entry
multiply_bytes_entry:
    pushfq
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    movq 88(%rsp), %rdi
    cld
    subq $8, %rsp
    call multiply_bytes
    addq $8, %rsp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    popfq
    popq SAVED_ADDRESS
    movq SAVED_STACK, %rsp
    jmpq *SAVED_ADDRESS

/* machine_enter(entry, stack) */
    .globl machine_enter
machine_enter:
    movq %rdi, %rax
    movq %rsi, %rsp
    xorl %edx, %edx
    xorl %ebp, %ebp
    jmpq *%rax

/* Exceptions end the run: exception(number, address of what the processor pushed). */
    .altmacro
    .macro exception_stub number
exception_\number:
    movl $\number, %edi
    jmp exception_common
    .endm
    .set i, 0
    .rept 32
    exception_stub %i
    .set i, i + 1
    .endr
exception_common:
    movq %rsp, %rsi
    movl $STACK_TOP - 0x8000, %esp
    call exception

    .macro exception_address number
    .quad exception_\number
    .endm
    .section .rodata
    .globl exception_addresses
exception_addresses:
    .set i, 0
    .rept 32
    exception_address %i
    .set i, i + 1
    .endr

    .section .start
    .balign 8
descriptors:
    .quad 0
    .quad 0x00CF9B000000FFFF        /* 0x08: code, 32 bits */
    .quad 0x00CF93000000FFFF        /* 0x10: data */
    .quad 0x00AF9B000000FFFF        /* 0x18: code, 64 bits */
    .quad 0x00CF93000000FFFF        /* 0x20: data, for SYSCALL */
descriptor_pointer:
    .word 39
    .long descriptors

    .section .reset, "ax"
    .code16
    ljmpw $0xF000, $0
    .section .note.GNU-stack, "", @progbits
