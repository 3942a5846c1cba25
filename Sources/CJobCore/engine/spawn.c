#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <platform/process.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Everything in the child, from here to `child`, runs between vfork and exec: it shares the parent's memory,
// so it makes system calls, writes to its own stack and to `struct jc_launch`, and nothing else.

static int fail(struct jc_launch *launch, const char *stage)
{
    launch->stage = stage;
    return errno;
}

static int place_descriptors(const struct jc_launch *launch)
{
    int from[3];
    for (int i = 0; i < 3; i++) {
        from[i] = launch->fds[i];
        // Out of the way of the targets; only where this process runs without its own 0, 1 or 2.
        if (from[i] < 3 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(from[i], i) < 0)
            return -1;
    // All others, also those the host program opened without close-on-exec.
    return (int)syscall(SYS_close_range, 3U, ~0U, 0U);
}

/// `all`: also those with handlers, which clone3 has reset.
static void reset_signals(const struct jc_spawn_base *base, bool all)
{
    // The raw call: the library's refuses its own two signals, which a parent's parent may have had ignored.
    static const unsigned long standard[8];
    for (int signo = 1; signo < NSIG; signo++)
        if (all || (base->ignored >> (signo - 1) & 1) != 0)
            syscall(SYS_rt_sigaction, signo, standard, NULL, sizeof(uint64_t));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_identity(const struct jc_identity *identity)
{
    const uid_t uid = identity->uid;
    if (uid == (uid_t)-1 && identity->gid == (gid_t)-1)
        return 0;
    const gid_t gid = identity->gid != (gid_t)-1 ? identity->gid : getegid();
    // The raw calls: the library's would try to change all threads, which are the parent's.
    if (uid != (uid_t)-1 && syscall(SYS_setgroups, identity->group_count, identity->groups) < 0 &&
        geteuid() == 0)
        return -1;
    if (syscall(SYS_setresgid, gid, gid, gid) < 0)
        return -1;
    return uid != (uid_t)-1 ? (int)syscall(SYS_setresuid, uid, uid, uid) : 0;
}

static int set_limits(const struct jc_spawn_base *base)
{
    for (size_t i = 0; i < base->limit_count; i++)
        if (setrlimit(base->limits[i].resource, &base->limits[i].limit) < 0)
            return -1;
    return 0;
}

static const char *path_of(char *const *envp)
{
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return "/usr/bin:/bin";
}

/// execve(2) along PATH, as execvp(3) does but without its shell for files of no known format.
static int exec_along_path(const struct jc_launch *launch)
{
    const char *name = launch->argv[0];
    if (*name == '\0')
        return ENOENT;
    if (strchr(name, '/') != NULL) {
        execve(name, launch->argv, launch->envp);
        return errno;
    }
    char full[4096];
    size_t length = strlen(name);
    int worst = ENOENT;
    for (const char *at = path_of(launch->envp);; at++) {
        size_t part = strcspn(at, ":");
        if (part + length + 2 <= sizeof full) {
            memcpy(full, at, part);
            full[part] = '/';
            memcpy(full + part + (part > 0), name, length + 1);
            execve(full, launch->argv, launch->envp);
            if (errno == EACCES)
                worst = EACCES;
            else if (errno != ENOENT && errno != ENOTDIR)
                return errno;
        }
        at += part;
        if (*at == '\0')
            return worst;
    }
}

static int join_cgroup(int dir)
{
    int fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, "0", 1) != 1 ? -1 : close(fd);
}

/// In a child of vfork this is for itself alone, though it shares its parent's memory. One that may not is as
/// likely to be ended as the daemon.
static void reset_oom_score(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, "0", 1);
    close(fd);
}

/// Of the child until exec: PATH lookup needs a page, the rest little.
#define STACK_SIZE (64 << 10)

struct start {
    struct jc_launch *launch;
    const struct jc_spawn_base *base;
    int pidfd;
    bool joins_cgroup, has_handlers;
};

static int run(const struct start *start)
{
    struct jc_launch *launch = start->launch;
    if (start->joins_cgroup && join_cgroup(launch->cgroup->dir) < 0)
        return fail(launch, "cgroup");
    if (setsid() < 0)
        return fail(launch, "setsid");
    if (start->base->resets_oom)
        reset_oom_score();
    if (place_descriptors(launch) < 0)
        return fail(launch, "descriptors");
    if (set_limits(start->base) < 0)
        return fail(launch, "limit");
    if (take_identity(launch->identity) < 0)
        return fail(launch, "identity");
    if (chdir(launch->cwd) < 0)
        return fail(launch, "chdir");
    reset_signals(start->base, start->has_handlers);
    errno = exec_along_path(launch);
    return fail(launch, "exec");
}

/// Its value is the exit status: an errno, all of which fit.
static int child(void *argument)
{
    return run(argument);
}

static pid_t start_clone3(struct start *start, char stack[STACK_SIZE])
{
    struct jc_launch *launch = start->launch;
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND,
        .pidfd = (uintptr_t)&start->pidfd,
        .parent_tid = (uintptr_t)&launch->pid,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = STACK_SIZE,
    };
    if (launch->cgroup != NULL) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)launch->cgroup->dir;
    }
    return (pid_t)jc_clone3(&args, sizeof args, child, start);
}

/// Where a sandbox refuses clone3(2), whose flags it cannot see: the child joins its cgroup itself, before
/// exec.
static pid_t start_clone(struct start *start, char stack[STACK_SIZE])
{
    struct jc_launch *launch = start->launch;
    start->joins_cgroup = launch->cgroup != NULL;
    start->has_handlers = true;
    // The old call has one argument for both the pid and the pidfd. As nobody but the engine reaps the child,
    // its number is still its own afterwards.
    pid_t pid = clone(child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD,
                      start, &launch->pid);
    if (pid < 0)
        return -errno;
    start->pidfd = jp_pidfd_open(pid);
    return pid;
}

/// The child failed before or in exec: it is a zombie with the errno as its status.
static int reap_failed(const struct start *start, pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    atomic_store(&start->launch->pid, 0);
    if (start->pidfd >= 0)
        close(start->pidfd);
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? -WEXITSTATUS(status) : -EIO;
}

/// It runs, but nothing would tell of its end.
static int end_unwatchable(const struct start *start, pid_t pid)
{
    kill(pid, SIGKILL);
    reap_failed(start, pid);
    start->launch->stage = "pidfd";
    return start->pidfd;
}

int jc_spawn(struct jc_launch *launch, const struct jc_spawn_base *base)
{
    struct start start = {.launch = launch, .base = base, .pidfd = -1};
    _Alignas(16) char stack[STACK_SIZE];
    sigset_t all, before;
    launch->stage = NULL;
    sigfillset(&all);
    // A handler of the parent's must not run in the child, which shares its memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = start_clone3(&start, stack);
    if (pid == -ENOSYS || pid == -EPERM)
        pid = start_clone(&start, stack);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        launch->stage = "clone";
        return pid;
    }
    if (launch->stage != NULL)
        return reap_failed(&start, pid);
    return start.pidfd >= 0 ? start.pidfd : end_unwatchable(&start, pid);
}
