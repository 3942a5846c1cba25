#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <keeper/link.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

// PIDFD_GET_INFO, which Debian 12's headers do not have: since Linux 6.15 a pidfd keeps the wait status of a
// process after somebody else reaped it: for a library in a program that waits for any child.
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
#define INFO_EXIT (1U << 3)
#define GET_INFO _IOWR(0xff, 11, struct pidfd_info)

static int kept_status(int pidfd, int *status)
{
    struct pidfd_info info = {.mask = INFO_EXIT};
    if (ioctl(pidfd, GET_INFO, &info) < 0)
        return -ECHILD;
    if ((info.mask & INFO_EXIT) == 0)
        return -EAGAIN;
    *status = info.exit_code;
    return 0;
}

uint64_t jc_own_max_rss_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss : 0;
}

/// `value`: as JK_EXIT says. The kernel counts to a process what the memory that it left by exec had, which
/// was its supervisor's: of one that had less nothing is known.
static void take(struct jc_job *job, const uint64_t value[4])
{
    const uint64_t shared = job->state.adopted ? job->state.launcher_rss_kib : jc_own_max_rss_kib();
    job->status = (int)value[0];
    job->user_us = value[1];
    job->system_us = value[2];
    job->max_rss_kib = value[3] > shared ? value[3] : 0;
}

/// The keeper became its parent when its supervisor died. Should the keeper be dead too, the pidfd may know.
static int ask_keeper(struct jc_job *job)
{
    struct jk_record record = jk_record_make(JK_EXIT, NULL, NULL);
    record.pid = job->state.pid;
    const int link = job->engine->options.keeper;
    int status = link < 0 ? -EPIPE : jk_ask(link, &record, -1, NULL);
    if (status == 0)
        status = record.status;
    if (status == 0)
        take(job, record.value);
    if (status == 0 || status == -EAGAIN || status == -ETIMEDOUT)
        return status;
    status = kept_status(job->state.pidfd, &job->status);
    // Whoever is the parent now reaps it before long.
    return status == -EAGAIN ? -ETIMEDOUT : status;
}

int jc_exit_status(struct jc_job *job)
{
    if (job->state.adopted)
        return ask_keeper(job);
    // Should this process die before the end of a held job is stored, its successor finds the zombie.
    const bool keeps = job->state.checkpoint >= 0;
    uint64_t value[4];
    int status = jk_wait(job->state.pid, value, keeps);
    if (status == -ECHILD)
        return kept_status(job->state.pidfd, &job->status);
    if (status < 0)
        return status;
    job->is_zombie = keeps;
    take(job, value);
    return 0;
}

void jc_exit_reap(struct jc_job *job)
{
    if (job->is_zombie)
        waitpid(job->state.pid, NULL, WNOHANG);
    job->is_zombie = false;
    atomic_store(&job->launch.pid, 0);
}
