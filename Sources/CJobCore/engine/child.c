#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

// What a child does between its birth and exec. It shares the parent's memory and the thread-local storage of
// the thread that made it, which goes on meanwhile: so it makes raw system calls, writes to its own stack and
// to `launch->stage`, and nothing else: no function of the C library, which may have to be bound first, and
// nothing of a sanitizer, which keeps accounts for each thread.
#pragma clang attribute push(__attribute__((disable_sanitizer_instrumentation)), apply_to = function)
#include "raw.h"

static int fail(struct jc_launch *launch, const char *stage, long status)
{
    launch->stage = stage;
    return (int)-status;
}

/// From here on what it opens and closes is not its parent's.
static long leave_files(const struct jc_launch *launch)
{
    return jc_raw(SYS_close_range, launch->pad->end, ~0U, CLOSE_RANGE_UNSHARE, 0);
}

static long place_descriptors(const struct jc_launch *launch)
{
    for (int i = 0; i < 3; i++) {
        long status = jc_raw(SYS_dup3, launch->pad->fds[launch->places[i]], i, 0, 0);
        if (status < 0)
            return status;
    }
    // All others, also those the host program opened without close-on-exec.
    return jc_raw(SYS_close_range, 3, ~0U, 0, 0);
}

/// `all`: also those with handlers, which clone3 has reset.
static void reset_signals(const struct jc_spawn_base *base, bool all)
{
    static const unsigned long standard[8];
    static const uint64_t none;
    // Also the C library's own two, which a parent's parent may have had ignored.
    for (int signo = 1; signo < NSIG; signo++)
        if (all || (base->ignored >> (signo - 1) & 1) != 0)
            jc_raw(SYS_rt_sigaction, signo, (long)standard, 0, sizeof none);
    jc_raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none);
}

static long take_identity(const struct jc_identity *identity)
{
    const uid_t uid = identity->uid;
    if (uid == (uid_t)-1 && identity->gid == (gid_t)-1)
        return 0;
    const gid_t gid = identity->gid != (gid_t)-1 ? identity->gid : (gid_t)jc_raw(SYS_getegid, 0, 0, 0, 0);
    long status = 0;
    if (uid != (uid_t)-1)
        status = jc_raw(SYS_setgroups, (long)identity->group_count, (long)identity->groups, 0, 0);
    if (status < 0 && jc_raw(SYS_geteuid, 0, 0, 0, 0) == 0)
        return status;
    status = jc_raw(SYS_setresgid, gid, gid, gid, 0);
    return status == 0 && uid != (uid_t)-1 ? jc_raw(SYS_setresuid, uid, uid, uid, 0) : status;
}

static long set_limits(const struct jc_spawn_base *base)
{
    for (size_t i = 0; i < base->limit_count; i++) {
        const struct jc_limit *limit = &base->limits[i];
        long status = jc_raw(SYS_prlimit64, 0, limit->resource, (long)&limit->limit, 0);
        if (status < 0)
            return status;
    }
    return 0;
}

static long exec(const struct jc_launch *launch, const char *file)
{
    return jc_raw(SYS_execve, (long)file, (long)launch->argv, (long)launch->envp, 0);
}

/// execve(2) along PATH, as execvp(3) does but without its shell for files of no known format.
static long exec_first(const struct jc_launch *launch)
{
    if (launch->files == NULL)
        return exec(launch, launch->argv[0]);
    long worst = -ENOENT;
    for (char **file = launch->files; *file != NULL; file++) {
        const long status = exec(launch, *file);
        if (status == -EACCES)
            worst = status;
        else if (status != -ENOENT && status != -ENOTDIR)
            return status;
    }
    return worst;
}

/// Writes a 0 to a file.
static long write_zero(int dir, const char *name)
{
    long fd = jc_raw(SYS_openat, dir, (long)name, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long count = jc_raw(SYS_write, fd, (long)"0", 1, 0);
    jc_raw(SYS_close, fd, 0, 0, 0);
    return count < 0 ? count : 0;
}

/// Where it shares its parent's memory it shares the flag that says whether that may be dumped.
static void set_dumpable(bool dumpable)
{
    jc_raw(SYS_prctl, PR_SET_DUMPABLE, dumpable, 0, 0);
}

/// For itself alone, though it shares its parent's memory: it is a child of vfork (spawn.c). One that may not
/// is as likely to be ended as the daemon.
static void reset_oom(const struct jc_spawn_base *base)
{
    static const char score[] = "/proc/self/oom_score_adj";
    // What must not be dumped has its files there for root alone. Another child may have set the flag back.
    for (int i = 0; i < 8 && write_zero(AT_FDCWD, score) == -EACCES && base->forbids_dumps; i++)
        set_dumpable(true);
    if (base->forbids_dumps)
        set_dumpable(false);
}

int jc_child_run(void *argument)
{
    struct jc_launch *launch = argument;
    const struct jc_spawn_base *base = launch->base;
    long status = launch->shares_files ? leave_files(launch) : 0;
    if (status < 0)
        return fail(launch, "descriptors", status);
    status = launch->joins_cgroup ? write_zero(launch->cgroup->dir, "cgroup.procs") : 0;
    if (status < 0)
        return fail(launch, "cgroup", status);
    if ((status = jc_raw(SYS_setsid, 0, 0, 0, 0)) < 0)
        return fail(launch, "setsid", status);
    if (launch->rows > 0 && (status = jc_raw(SYS_ioctl, launch->pad->fds[0], TIOCSCTTY, 0, 0)) < 0)
        return fail(launch, "terminal", status);
    if (base->resets_oom)
        reset_oom(base);
    if ((status = place_descriptors(launch)) < 0)
        return fail(launch, "descriptors", status);
    if ((status = set_limits(base)) < 0)
        return fail(launch, "limit", status);
    if ((status = take_identity(launch->identity)) < 0)
        return fail(launch, "identity", status);
    // Another user has made it what fs.suid_dumpable says (prctl(2)).
    if (base->forbids_dumps)
        set_dumpable(false);
    if ((status = jc_raw(SYS_chdir, (long)launch->cwd, 0, 0, 0)) < 0)
        return fail(launch, "chdir", status);
    reset_signals(base, launch->has_handlers);
    return fail(launch, "exec", exec_first(launch));
}

#pragma clang attribute pop
