#define _GNU_SOURCE
#include "engine_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// What belongs to a job where there is no cgroup to tell: its process group, its session, and every process
// with the job's marker in its environment. A process that leaves all three is not found; a cgroup finds it.

/// Calls `visit` with each process of the system but this one; true ends the walk, and is returned.
static bool each_process(bool (*visit)(pid_t pid, void *context), void *context)
{
    DIR *dir = opendir("/proc");
    if (dir == NULL)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 1 && pid != getpid())
            found = visit(pid, context);
    }
    closedir(dir);
    return found;
}

/// Of an environment; the job's marker is its last entry, and what exec takes is not much more than this.
#define MOST_READ (256 << 10)

static char *read_whole(pid_t pid, const char *what, size_t *length)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(MOST_READ + 1);
    if (text != NULL) {
        ssize_t count;
        *length = 0;
        while (*length < MOST_READ && (count = read(fd, text + *length, MOST_READ - *length)) > 0)
            *length += (size_t)count;
        text[*length] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static bool has_marker(pid_t pid, const char *marker)
{
    size_t length;
    char *text = read_whole(pid, "environ", &length);
    if (text == NULL)
        return false;
    bool found = false;
    for (size_t at = 0; !found && at < length; at += strlen(text + at) + 1)
        found = strcmp(text + at, marker) == 0;
    free(text);
    return found;
}

static bool is_in_session(pid_t pid, pid_t session)
{
    return getsid(pid) == session || getpgid(pid) == session;
}

static bool is_zombie(pid_t pid)
{
    size_t length;
    char *text = read_whole(pid, "stat", &length);
    if (text == NULL)
        return true;
    const char *end = strrchr(text, ')');
    bool zombie = end == NULL || end[1] == '\0' || end[2] == 'Z' || end[2] == 'X';
    free(text);
    return zombie;
}

struct search {
    const struct jc_job *job;
    int signo; ///< 0: only look
};

static bool visit(pid_t pid, void *context)
{
    const struct search *search = context;
    const struct jc_job *job = search->job;
    bool belongs = is_in_session(pid, job->pid) || (job->marker != NULL && has_marker(pid, job->marker));
    if (!belongs || is_zombie(pid))
        return false;
    if (search->signo != 0)
        kill(pid, search->signo);
    return search->signo == 0;
}

void jc_tree_signal(struct jc_job *job, int signo)
{
    if (job->launch.cgroup != NULL) {
        if (signo == SIGKILL)
            jc_cgroup_kill(job->launch.cgroup);
        else
            jc_cgroup_signal(job->launch.cgroup, signo);
        return;
    }
    struct search search = {job, signo};
    each_process(visit, &search);
}

bool jc_tree_left(struct jc_job *job)
{
    struct search search = {job, 0};
    return each_process(visit, &search);
}

void jc_orphans_reap(struct jc_engine *engine)
{
    if (!engine->options.subreaper)
        return;
    for (;;) {
        siginfo_t info = {0};
        // Only looked at: the status of a job's first process, or of another child of this program, is not
        // ours here.
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        if (jc_engine_owns(engine, info.si_pid))
            return;
        waitpid(info.si_pid, NULL, WNOHANG);
    }
}
