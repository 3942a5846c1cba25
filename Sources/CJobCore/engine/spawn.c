#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <linux/sched.h>
#include <platform/process.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// A child shares this memory until exec, as one of vfork(2) does. That can take as long as a file system, or
// whoever holds a lease on the file (fcntl(2), F_SETLEASE), lets it wait: so only a launcher waits in the
// kernel, and the loop puts another in its place. The loop's own thread, where that launches, goes on. The
// kernel clears `is_starting` when the child has left this memory, by exec or by its end
// (set_tid_address(2)).
//
// That a launcher waits is more than a wait. To the kernel any other two processes with one memory are one
// program: the OOM score that the child gives itself would be this process's too, and the OOM killer, which
// passes over a child of vfork, would kill both for what the child takes of a job's memory limit.

/// From here on, and once the kernel has told the child's number, the loop may take the job: nothing of it is
/// looked at any more.
static void may_be_taken(const struct jc_launch *launch)
{
    if (launch->launcher != NULL)
        atomic_store(&launch->launcher->waits, true);
}

static long start_clone3(struct jc_launch *launch)
{
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CLEAR_SIGHAND,
        .pidfd = (uintptr_t)&launch->pidfd,
        .parent_tid = (uintptr_t)&launch->pid,
        .child_tid = (uintptr_t)&launch->is_starting,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)launch->pad->stack,
        .stack_size = JC_STACK_SIZE,
    };
    launch->joins_cgroup = launch->has_handlers = false;
    launch->shares_files = launch->base->shares_files;
    if (launch->shares_files)
        args.flags |= CLONE_FILES;
    if (launch->launcher != NULL)
        args.flags |= CLONE_VFORK;
    if (launch->cgroup != NULL) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)launch->cgroup->dir;
    }
    may_be_taken(launch);
    return jc_clone3(&args, sizeof args, jc_child_run, launch);
}

/// Where a sandbox refuses clone3(2), whose flags it cannot see: the child joins its cgroup itself, before
/// exec.
static long start_clone(struct jc_launch *launch)
{
    launch->joins_cgroup = launch->cgroup != NULL;
    launch->has_handlers = true;
    launch->shares_files = false;
    const int waits = launch->launcher != NULL ? CLONE_VFORK : 0;
    void *stack_end = (char *)launch->pad->stack + JC_STACK_SIZE;
    may_be_taken(launch);
    long pid = clone(jc_child_run, stack_end,
                     CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | waits | SIGCHLD, launch,
                     &launch->pid, NULL, &launch->is_starting);
    if (pid > 0 && waits == 0)
        launch->pidfd = jp_pidfd_open(launch->pid);
    return pid < 0 ? -errno : pid;
}

static long start(struct jc_launch *launch)
{
    sigset_t all, before;
    sigfillset(&all);
    // A handler of the parent's must not run in the child, which shares its memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_store(&launch->is_starting, 1);
    long pid = start_clone3(launch);
    if (pid == -ENOSYS || pid == -EPERM)
        pid = start_clone(launch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        atomic_store(&launch->is_starting, 0);
    return pid;
}

/// One that dumps its core does not clear it.
static bool is_dead(const struct jc_launch *launch)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

bool jc_spawn_is_starting(const struct jc_launch *launch)
{
    return atomic_load(&launch->is_starting) != 0 && !is_dead(launch);
}

void jc_spawn_kill(const struct jc_launch *launch)
{
    kill(launch->pid, SIGKILL);
}

/// It is dead, or about to be.
static int reap(struct jc_launch *launch)
{
    int status = 0;
    while (waitpid(launch->pid, &status, 0) < 0 && errno == EINTR) {
    }
    atomic_store(&launch->pid, 0);
    if (launch->pidfd >= 0)
        close(launch->pidfd);
    launch->pidfd = -1;
    return status;
}

int jc_spawn_end(struct jc_launch *launch)
{
    // The child failed before or in exec: it is a zombie with the errno as its status.
    if (launch->stage != NULL) {
        const int status = reap(launch);
        return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? -WEXITSTATUS(status) : -EIO;
    }
    // The old call has one argument for both the pid and the pidfd. As nobody but the engine reaps the child,
    // its number is still its own.
    if (launch->pidfd < 0)
        launch->pidfd = jp_pidfd_open(launch->pid);
    if (launch->pidfd >= 0)
        return 0;
    // It runs, but nothing would tell of its end.
    const int failed = launch->pidfd;
    jc_spawn_kill(launch);
    reap(launch);
    launch->stage = "pidfd";
    return failed;
}

bool jc_spawn_take(struct jc_launcher *launcher)
{
    // Without a process there is nothing to wait for, but for the kernel.
    return atomic_load(&launcher->job->launch.pid) != 0 && atomic_exchange(&launcher->waits, false);
}

int jc_spawn(struct jc_launch *launch)
{
    struct jc_launcher *launcher = launch->launcher;
    launch->pidfd = -1;
    launch->stage = NULL;
    long pid = start(launch);
    if (launcher != NULL && !atomic_exchange(&launcher->waits, false))
        return -EINPROGRESS;
    if (pid < 0) {
        launch->stage = "clone";
        return (int)pid;
    }
    return launcher != NULL ? jc_spawn_end(launch) : -EINPROGRESS;
}
