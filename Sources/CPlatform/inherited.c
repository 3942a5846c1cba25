#define _GNU_SOURCE
#include <platform/process.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/// ioprio_set(2): this process, and a priority that follows from the nice value.
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_NONE 0

void jp_reset_inherited(void)
{
    const struct sched_param ordinary = {0};
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    umask(022);
    // What may not be changed stays: a daemon that is not root's cannot take back its starter's nice value.
    (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
    (void)setpriority(PRIO_PROCESS, 0, 0);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_NONE);
    (void)sched_setaffinity(0, sizeof all, &all);
    (void)personality(PER_LINUX);
}
