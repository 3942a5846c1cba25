#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What jobs use: those with limits by their cgroup's own count.

/// The number after a name that begins a line; 0: there is none.
static uint64_t value_of(const char *text, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtoull(line + length, NULL, 10);
    }
    return 0;
}

/// False: somebody removed the cgroup.
static bool read_usage(const struct jc_cgroup *cgroup, struct jc_usage *usage)
{
    char text[JC_SMALL_FILE];
    if (!jc_small_file_read(cgroup->dir, "cpu.stat", text))
        return false;
    usage->user_us = value_of(text, "user_usec");
    usage->system_us = value_of(text, "system_usec");
    usage->throttled_us = value_of(text, "throttled_usec");
    if (jc_small_file_read(cgroup->dir, "memory.current", text))
        usage->memory = strtoull(text, NULL, 10);
    if (jc_small_file_read(cgroup->dir, "memory.peak", text))
        usage->peak_memory = strtoull(text, NULL, 10);
    return true;
}

void jc_limits_take_usage(struct jc_job *job)
{
    const struct jc_cgroup *cgroup = job->launch.cgroup;
    char text[JC_SMALL_FILE];
    if (cgroup == NULL || !cgroup->is_limited || !read_usage(cgroup, &job->state.counted))
        return;
    job->state.oom_killed =
        jc_small_file_read(cgroup->dir, "memory.events", text) && value_of(text, "oom_kill") > 0;
}

/// Adds what a process has used, and those that it waited for.
static void add_process(const struct jc_job *job, pid_t pid, struct jc_usage *usage)
{
    char path[32], text[JC_SMALL_FILE];
    snprintf(path, sizeof path, "%d/stat", (int)pid);
    const char *name_end =
        jc_small_file_read(dirfd(job->engine->proc), path, text) ? strrchr(text, ')') : NULL;
    uint64_t user, system, others_user, others_system, pages;
    if (name_end == NULL || sscanf(name_end,
                                   ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                                   " %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %*u %*u %" SCNu64,
                                   &user, &system, &others_user, &others_system, &pages) != 5)
        return;
    const uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    usage->looked_at++;
    usage->user_us += (user + others_user) * tick_us;
    usage->system_us += (system + others_system) * tick_us;
    usage->memory += pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/// Processes of a job without limits that are looked at: some milliseconds of the loop.
#define MOST_PROCESSES 128

struct sum {
    const struct jc_job *job;
    struct jc_usage *usage;
};

static void add_to_sum(void *context, pid_t pid)
{
    const struct sum *sum = context;
    add_process(sum->job, pid, sum->usage);
}

int jc_job_usage(struct jc_job *job, struct jc_usage *out)
{
    if (job->phase == JC_QUEUED || job->phase == JC_STARTING)
        return -EAGAIN;
    if (job->phase == JC_OVER || job->reaped)
        return -ESRCH;
    *out = (struct jc_usage){0};
    const struct jc_cgroup *cgroup = job->launch.cgroup;
    if (cgroup != NULL && cgroup->is_limited)
        (void)read_usage(cgroup, out);
    else if (cgroup != NULL)
        jc_cgroup_processes(cgroup->dir, MOST_PROCESSES, add_to_sum, &(struct sum){job, out});
    else
        add_process(job, job->state.pid, out);
    return 0;
}
