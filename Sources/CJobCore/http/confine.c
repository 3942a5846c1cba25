#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jobcore/confine.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
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

// System calls that Debian 12's headers do not have; their numbers are the same on all machines.
#define CALL_FCHMODAT2 452
#define CALL_SETXATTRAT 463
#define CALL_REMOVEXATTRAT 466

#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/// What follows for `count` lines is for the value that is loaded, and decides.
#define WHEN(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
/// Refuses the system call, or the argument of one, that is loaded.
#define DENY(value) WHEN(value, 1), REFUSE
/// Refuses to open a file for more than reading; `index`: of the argument that holds the flags.
#define DENY_WRITING(number, index)                                                                          \
    WHEN(number, 4), LOAD(args[index]),                                                                      \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC, 0, 1), REFUSE, ALLOW

// A load takes the lower half of an argument, which comes first on both machines and holds all flags looked
// at.
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
    DENY_WRITING(SYS_open, 1),
    DENY(SYS_creat),
    DENY(SYS_unlink),
    DENY(SYS_rename),
    DENY(SYS_rmdir),
    DENY(SYS_mkdir),
    DENY(SYS_mknod),
    DENY(SYS_link),
    DENY(SYS_symlink),
    DENY(SYS_chmod),
    DENY(SYS_chown),
    DENY(SYS_lchown),
    DENY(SYS_utime),
    DENY(SYS_utimes),
    DENY(SYS_futimesat),
#endif
    // Programs and other processes. A daemon that is not root's runs jobs as the user that this process is
    // too.
    DENY(SYS_execve),
    DENY(SYS_execveat),
    DENY(SYS_ptrace),
    DENY(SYS_process_vm_readv),
    DENY(SYS_process_vm_writev),
    DENY(SYS_process_madvise),
    DENY(SYS_kill),
    DENY(SYS_tkill),
    DENY(SYS_tgkill),
    DENY(SYS_rt_sigqueueinfo),
    DENY(SYS_rt_tgsigqueueinfo),
    DENY(SYS_pidfd_open),
    DENY(SYS_pidfd_getfd),
    DENY(SYS_pidfd_send_signal),
    DENY(SYS_setpriority),
    DENY(SYS_sched_setaffinity),
    DENY(SYS_sched_setscheduler),
    DENY(SYS_sched_setparam),
    DENY(SYS_sched_setattr),
    DENY(SYS_ioprio_set),
    DENY(SYS_move_pages),
    DENY(SYS_migrate_pages),
    WHEN(SYS_prlimit64, 4),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
    REFUSE,
    ALLOW,
    // Their signals tell of a descriptor whoever is named.
    WHEN(SYS_fcntl, 8),
    LOAD(args[1]),
    DENY(F_SETOWN),
    DENY(F_SETOWN_EX),
    DENY(F_SETSIG),
    ALLOW,
    WHEN(SYS_ioctl, 6),
    LOAD(args[1]),
    DENY(FIOSETOWN),
    DENY(SIOCSPGRP),
    ALLOW,
    // Files: what is written is the supervisor's to write, and so is the memory of processes in /proc.
    DENY_WRITING(SYS_openat, 2),
    DENY(SYS_openat2),
    DENY(SYS_truncate),
    DENY(SYS_unlinkat),
    DENY(SYS_renameat),
    DENY(SYS_renameat2),
    DENY(SYS_mkdirat),
    DENY(SYS_mknodat),
    DENY(SYS_linkat),
    DENY(SYS_symlinkat),
    DENY(SYS_fchmod),
    DENY(SYS_fchmodat),
    DENY(CALL_FCHMODAT2),
    DENY(SYS_fchown),
    DENY(SYS_fchownat),
    DENY(SYS_utimensat),
    DENY(SYS_setxattr),
    DENY(SYS_lsetxattr),
    DENY(SYS_fsetxattr),
    DENY(CALL_SETXATTRAT),
    DENY(SYS_removexattr),
    DENY(SYS_lremovexattr),
    DENY(SYS_fremovexattr),
    DENY(CALL_REMOVEXATTRAT),
    // Connections of its own making, and what would go past this filter.
    DENY(SYS_socket),
    DENY(SYS_connect),
    DENY(SYS_io_uring_setup),
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
