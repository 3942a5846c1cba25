#include "engine_private.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

// PIDFD_GET_INFO, which Debian 12's headers do not have: since Linux 6.15 a pidfd keeps the wait status of a
// process after somebody else reaped it.
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

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

int jc_exit_status(struct jc_job *job)
{
    // No child of this process: a child that has its number now is another one.
    if (job->state.adopted)
        return kept_status(job->state.pidfd, &job->status);
    pid_t pid;
    struct rusage usage;
    while ((pid = wait4(job->state.pid, &job->status, WNOHANG, &usage)) < 0 && errno == EINTR) {
    }
    if (pid == 0)
        return -EAGAIN;
    if (pid < 0)
        return kept_status(job->state.pidfd, &job->status);
    job->user_us = microseconds(usage.ru_utime);
    job->system_us = microseconds(usage.ru_stime);
    job->max_rss_kib = (uint64_t)usage.ru_maxrss;
    return 0;
}
