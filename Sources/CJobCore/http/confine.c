#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jobcore/confine.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
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
/// What follows for `count` lines is for the value that is loaded, and decides.
#define WHEN(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
/// Allows what is loaded: a system call, or an argument of one.
#define PASS(value) WHEN(value, 1), ALLOW
/// Opens a file for reading alone; `index`: of the argument that holds the flags.
#define PASS_READING(number, index)                                                                          \
    WHEN(number, 4), LOAD(args[index]),                                                                      \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC, 0, 1), REFUSE, ALLOW

// Calls that are allowed whatever their arguments are, those of each request first; every other is refused.
// None starts a program, reaches another process, or changes a file: what is written is the supervisor's to
// write, and a daemon that is not root's runs jobs as the user that this process is too. Nor does any make a
// connection, or go past this filter.
static const uint32_t allowed[] = {
#if defined(__x86_64__)
    SYS_epoll_wait, SYS_poll, SYS_select, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_dup2,
    SYS_getdents, SYS_time, SYS_arch_prctl,
#endif
    SYS_recvfrom, SYS_sendto, SYS_read, SYS_write, SYS_futex, SYS_epoll_ctl, SYS_epoll_pwait, SYS_pread64,
    SYS_close, SYS_fstat, SYS_newfstatat, SYS_accept4, SYS_getsockopt, SYS_setsockopt, SYS_getsockname,
    SYS_getpeername, SYS_shutdown, SYS_sendmsg, SYS_recvmsg, SYS_readv, SYS_writev, SYS_preadv, SYS_preadv2,
    SYS_listen, SYS_lseek, SYS_dup, SYS_dup3, SYS_socketpair, SYS_pipe2, SYS_eventfd2, SYS_epoll_create1,
    SYS_epoll_pwait2, SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_ppoll,
    SYS_pselect6,
    // Memory and threads.
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_mincore, SYS_membarrier,
    SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_sched_yield, SYS_sched_getaffinity,
    SYS_sched_getparam, SYS_sched_getscheduler, SYS_sigaltstack, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group,
    // What can be known.
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
    SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrusage,
    SYS_getrlimit, SYS_sysinfo, SYS_uname, SYS_getcwd, SYS_statx, SYS_faccessat, SYS_faccessat2,
    SYS_readlinkat, SYS_getdents64, SYS_fstatfs};
#define ALLOWED (sizeof allowed / sizeof *allowed)

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
    PASS_READING(SYS_open, 1),
#endif
    // So is the memory of processes in /proc.
    PASS_READING(SYS_openat, 2),
    WHEN(SYS_prlimit64, 4),
    LOAD(args[0]),
    PASS(0),
    REFUSE,
    WHEN(SYS_fcntl, 16),
    LOAD(args[1]),
    PASS(F_GETFD),
    PASS(F_SETFD),
    PASS(F_GETFL),
    PASS(F_SETFL),
    PASS(F_DUPFD_CLOEXEC),
    PASS(F_GETLK),
    PASS(F_SETLK),
    REFUSE,
    // Not those that write into what somebody else reads, such as the terminal's TIOCSTI.
    WHEN(SYS_ioctl, 6),
    LOAD(args[1]),
    PASS(FIONREAD),
    PASS(FIONBIO),
    REFUSE,
    WHEN(SYS_prctl, 6),
    LOAD(args[0]),
    PASS(PR_SET_NAME),
    PASS(PR_SET_PDEATHSIG),
    REFUSE,
    // Threads are made by clone3, whose flags a filter cannot see: ENOSYS makes the C library use clone.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    WHEN(SYS_clone, 3),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
    ALLOW,
    REFUSE,
};

static int filter_calls(void)
{
    struct sock_filter program[sizeof before / sizeof *before + 2 * ALLOWED + sizeof after / sizeof *after];
    memcpy(program, before, sizeof before);
    struct sock_filter *at = program + sizeof before / sizeof *before;
    for (size_t i = 0; i < ALLOWED; i++, at += 2)
        memcpy(at, (struct sock_filter[]){PASS(allowed[i])}, 2 * sizeof *at);
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

/// Those that a unit's AmbientCapabilities= gives, or that root has (capabilities(7)).
static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return -errno;
    return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/// What the first version of Landlock knows, of which none but reading is left; later ones add calls that the
/// filter refuses anyway.
#define FILE_ACCESS (((uint64_t)LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static int allow_reading(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr beneath = {.allowed_access = access};
    beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0)
        return -errno;
    const bool is_added = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    const int status = is_added ? 0 : -errno;
    close(beneath.parent_fd);
    return status;
}

static int restrict_files(int rules, const char *directory)
{
    int status = allow_reading(rules, directory, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
    // The acceptor's spare descriptor.
    if (status == 0)
        status = allow_reading(rules, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE);
    if (status == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        status = -errno;
    return status;
}

/// By landlock(7), where the kernel has it, and whatever this process runs in lets it be used.
static int bound_files(const char *directory)
{
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = FILE_ACCESS};
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (rules < 0)
        return 0;
    const int status = restrict_files(rules, directory);
    close(rules);
    return status;
}

int jc_confine(uid_t uid, gid_t gid, const char *directory)
{
    int status = uid != (uid_t)-1 ? drop_user(uid, gid) : 0;
    if (status == 0)
        status = drop_capabilities();
    if (status < 0)
        return status;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    status = bound_files(directory);
    return status < 0 ? status : filter_calls();
}
