#include "engine_private.h"

// clone3(2) has no wrapper in the C library, and a child that shares this memory needs a stack of its own: it
// must not return into the caller's frame.
#if defined(__x86_64__)
__asm__(".text\n"
        ".globl jc_clone3\n"
        ".hidden jc_clone3\n"
        ".type jc_clone3, @function\n"
        "jc_clone3:\n"
        "  movq %rdx, %r8\n" // preserved by the call, as rcx and r11 are not
        "  movq %rcx, %r9\n"
        "  movl $435, %eax\n"
        "  syscall\n"
        "  testq %rax, %rax\n"
        "  jz 1f\n"
        "  ret\n"
        "1: xorl %ebp, %ebp\n"
        "  movq %r9, %rdi\n"
        "  call *%r8\n"
        "  movl %eax, %edi\n"
        "  movl $60, %eax\n"
        "  syscall\n"
        "  hlt\n"
        ".size jc_clone3, .-jc_clone3\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl jc_clone3\n"
        ".hidden jc_clone3\n"
        ".type jc_clone3, %function\n"
        "jc_clone3:\n"
        "  mov x8, #435\n"
        "  svc #0\n"
        "  cbz x0, 1f\n"
        "  ret\n"
        "1: mov x29, #0\n"
        "  mov x0, x3\n"
        "  blr x2\n"
        "  mov x8, #93\n"
        "  svc #0\n"
        "  brk #0\n"
        ".size jc_clone3, .-jc_clone3\n");
#else
#error "jobd starts processes on x86-64 and AArch64"
#endif
