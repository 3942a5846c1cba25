#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <jobcore/process.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "jobd knows the system calls of x86-64 and AArch64"
#endif

#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/// Refuses the system call whose number is loaded when it is `number`.
#define DENY(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), REFUSE

// The first argument of clone(2) has its flags in the lower half, which comes first on both machines.
static const struct sock_filter program[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
    REFUSE,
    LOAD(nr),
#if defined(__x86_64__)
    // The x32 calls have numbers of their own.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    REFUSE,
    DENY(SYS_fork),
    DENY(SYS_vfork),
#endif
    DENY(SYS_execve),
    DENY(SYS_execveat),
    DENY(SYS_ptrace),
    DENY(SYS_process_vm_readv),
    DENY(SYS_process_vm_writev),
    DENY(SYS_kill),
    DENY(SYS_tkill),
    DENY(SYS_pidfd_open),
    DENY(SYS_pidfd_getfd),
    DENY(SYS_pidfd_send_signal),
    DENY(SYS_setns),
    DENY(SYS_unshare),
    DENY(SYS_mount),
    DENY(SYS_bpf),
    DENY(SYS_perf_event_open),
    DENY(SYS_keyctl),
    // Threads are made by clone3, whose flags a filter cannot see: ENOSYS makes the C library use clone.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
    ALLOW,
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
    REFUSE,
    ALLOW,
};

static int filter_calls(void)
{
    struct sock_fprog filter = {.len = sizeof program / sizeof *program,
                                .filter = (struct sock_filter *)program};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? -errno : 0;
}

static int drop_user(uid_t uid, gid_t gid)
{
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    // It must not be possible to go back.
    return setuid(0) == 0 && uid != 0 ? -EPERM : 0;
}

int jc_confine(uid_t uid, gid_t gid)
{
    int status = uid != (uid_t)-1 ? drop_user(uid, gid) : 0;
    if (status < 0)
        return status;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return filter_calls();
}
