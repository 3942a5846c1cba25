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
#include <string.h>
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
/// Refuses what is loaded: a system call, or an argument of one.
#define DENY(value) WHEN(value, 1), REFUSE
/// Refuses to open a file for more than reading; `index`: of the argument that holds the flags.
#define DENY_WRITING(number, index)                                                                          \
    WHEN(number, 4), LOAD(args[index]),                                                                      \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC, 0, 1), REFUSE, ALLOW

/// Calls that are refused whatever their arguments are.
static const uint32_t denied[] = {
#if defined(__x86_64__)
    SYS_fork, SYS_vfork, SYS_creat, SYS_unlink, SYS_rename, SYS_rmdir, SYS_mkdir, SYS_mknod, SYS_link,
    SYS_symlink, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
    // Programs and other processes. A daemon that is not root's runs jobs as the user that this process is
    // too.
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise,
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_open,
    SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_setpriority, SYS_sched_setaffinity, SYS_sched_setscheduler,
    SYS_sched_setparam, SYS_sched_setattr, SYS_ioprio_set, SYS_move_pages, SYS_migrate_pages,
    // Files: what is written is the supervisor's to write.
    SYS_openat2, SYS_truncate, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_mkdirat, SYS_mknodat,
    SYS_linkat, SYS_symlinkat, SYS_fchmod, SYS_fchmodat, CALL_FCHMODAT2, SYS_fchown, SYS_fchownat,
    SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, CALL_SETXATTRAT, SYS_removexattr,
    SYS_lremovexattr, SYS_fremovexattr, CALL_REMOVEXATTRAT,
    // Connections of its own making, and what would go past this filter.
    SYS_socket, SYS_connect, SYS_io_uring_setup, SYS_setns, SYS_unshare, SYS_mount, SYS_bpf,
    SYS_perf_event_open, SYS_keyctl};
#define DENIED (sizeof denied / sizeof *denied)

static const struct sock_filter before[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
    REFUSE,
    LOAD(nr),
#if defined(__x86_64__)
    // The x32 calls have numbers of their own.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    REFUSE,
#endif
};

// A load takes the lower half of an argument, which comes first on both machines and holds all flags looked
// at.
static const struct sock_filter after[] = {
#if defined(__x86_64__)
    DENY_WRITING(SYS_open, 1),
#endif
    // So is the memory of processes in /proc.
    DENY_WRITING(SYS_openat, 2),
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
    struct sock_filter program[sizeof before / sizeof *before + 2 * DENIED + sizeof after / sizeof *after];
    memcpy(program, before, sizeof before);
    struct sock_filter *at = program + sizeof before / sizeof *before;
    for (size_t i = 0; i < DENIED; i++, at += 2)
        memcpy(at, (struct sock_filter[]){DENY(denied[i])}, 2 * sizeof *at);
    memcpy(at, after, sizeof after);
    const struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
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
