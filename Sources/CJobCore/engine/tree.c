#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What belongs to a job where there is no cgroup to tell: its process group, its session, and every process
// with the job's marker in its environment. A process that leaves all three is not found; a cgroup finds it.

/// Processes of a job this young have numbers above its first process's, or below the newest where numbers
/// began anew: the least pid_max in use, 32768, is not handed out once around in this time.
#define YOUNG_MS 250

struct search {
    const struct jc_job *job;
    pid_t self, newest;
    bool is_young;
    bool is_unsure; ///< something could not be looked at
};

/// False when the process is gone or not ours.
static bool read_whole(struct search *search, const char *path, size_t *length)
{
    const bool is_read = jc_proc_read(search->job->engine, path, length);
    search->is_unsure |= !is_read && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
    return is_read;
}

static bool has_marker(struct search *search, pid_t pid)
{
    char path[32];
    size_t length;
    snprintf(path, sizeof path, "%d/environ", (int)pid);
    if (search->job->marker == NULL || !read_whole(search, path, &length))
        return false;
    const char *text = search->job->engine->buffer;
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        if (strcmp(text + at, search->job->marker) == 0)
            return true;
    return false;
}

static bool is_zombie(struct search *search, pid_t pid)
{
    char path[32];
    size_t length;
    snprintf(path, sizeof path, "%d/stat", (int)pid);
    if (!read_whole(search, path, &length))
        return !search->is_unsure;
    const char *end = strrchr(search->job->engine->buffer, ')');
    return end == NULL || end[1] == '\0' || end[2] == 'Z' || end[2] == 'X';
}

/// The number handed out last: the end of /proc/loadavg (proc_loadavg(5)).
static pid_t newest_pid(struct search *search)
{
    size_t length;
    if (!read_whole(search, "loadavg", &length))
        return -1;
    const char *last = strrchr(search->job->engine->buffer, ' ');
    return last != NULL ? (pid_t)atoi(last) : -1;
}

static bool is_too_old(const struct search *search, pid_t pid)
{
    if (!search->is_young)
        return false;
    pid_t first = search->job->state.pid;
    return search->newest >= first ? pid < first : pid < first && pid > search->newest;
}

static bool belongs(struct search *search, pid_t pid)
{
    pid_t first = search->job->state.pid;
    if (pid <= 1 || pid == search->self || is_too_old(search, pid))
        return false;
    bool is_numbered = getsid(pid) == first || getpgid(pid) == first;
    return (is_numbered || has_marker(search, pid)) && !is_zombie(search, pid);
}

/// Visits all processes of the tree; with no `visit` looks for one. Whether there may be any.
static bool search_tree(const struct jc_job *job, void (*visit)(void *context, pid_t pid), void *context)
{
    struct search search = {.job = job, .self = getpid()};
    search.newest = jp_monotonic_ms() - job->launch.started_ms < YOUNG_MS ? newest_pid(&search) : -1;
    search.is_young = search.newest > 0;
    bool found = false;
    rewinddir(job->engine->proc);
    for (struct dirent *entry; (visit != NULL || !found) && (entry = readdir(job->engine->proc)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (!belongs(&search, pid))
            continue;
        found = true;
        if (visit != NULL)
            visit(context, pid);
    }
    return found || search.is_unsure;
}

void jc_tree_visit(struct jc_job *job, void (*visit)(void *context, pid_t pid), void *context)
{
    if (job->launch.cgroup != NULL)
        jc_cgroup_walk(job->launch.cgroup->dir, visit, context);
    else
        search_tree(job, visit, context);
}

void jc_send_signal(void *signo, pid_t pid)
{
    if (pid > 1)
        kill(pid, *(int *)signo);
}

void jc_tree_signal(struct jc_job *job, int signo)
{
    if (job->launch.cgroup != NULL && signo == SIGKILL)
        jc_cgroup_kill(job->launch.cgroup);
    else
        jc_tree_visit(job, jc_send_signal, &signo);
}

bool jc_tree_left(struct jc_job *job)
{
    return search_tree(job, NULL, NULL);
}
