#include "engine_private.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

// Whether a cgroup is as it was made. Whoever may write to its files, which a job of the daemon's own user
// may, can freeze it, limit it, or make others in it. Reading all of its files after each job would cost more
// than making a new one; inotify(7) tells of what a program writes to them.

void jc_cgroup_changes_open(struct jc_engine *engine)
{
    // Without it each is used once.
    engine->changes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void jc_cgroup_changes_add(struct jc_engine *engine, struct jc_cgroup *cgroup)
{
    // It is used once.
    if (cgroup->is_limited) {
        cgroup->changes = -1;
        cgroup->is_spent = true;
        return;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", cgroup->dir);
    cgroup->changes = inotify_add_watch(engine->changes, path, IN_MODIFY | IN_CREATE | IN_DELETE);
    cgroup->is_spent = cgroup->changes < 0;
}

/// Nothing that a program changed: the kernel tells so of what can only be read, such as cgroup.events and
/// memory.events; and a process that comes into one that is in use is a part of the job.
static bool is_harmless(const struct inotify_event *event, bool is_free)
{
    // Of one that was removed.
    if ((event->mask & IN_IGNORED) != 0)
        return true;
    if (event->len == 0)
        return false;
    const bool is_arrival =
        strcmp(event->name, "cgroup.procs") == 0 || strcmp(event->name, "cgroup.threads") == 0;
    return (event->mask & IN_MODIFY) != 0 &&
           (strstr(event->name, ".events") != NULL || (is_arrival && !is_free));
}

static void note(struct jc_engine *engine, const struct inotify_event *event)
{
    const bool is_overflow = (event->mask & IN_Q_OVERFLOW) != 0;
    struct jc_cgroup *cgroup;
    LIST_FOREACH(cgroup, &engine->known_cgroups, known)
    {
        if (!is_overflow && (cgroup->changes != event->wd || is_harmless(event, cgroup->is_free)))
            continue;
        cgroup->is_spent = true;
        // Nothing more of it is of interest, however often it is changed.
        if (cgroup->changes >= 0)
            inotify_rm_watch(engine->changes, cgroup->changes);
        cgroup->changes = -1;
    }
}

void jc_cgroup_changes_read(struct jc_engine *engine)
{
    _Alignas(struct inotify_event) char buffer[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    ssize_t length = sizeof buffer;
    // One that is not half full has all.
    while (engine->changes >= 0 && length > (ssize_t)sizeof buffer / 2) {
        length = read(engine->changes, buffer, sizeof buffer);
        for (ssize_t at = 0; at < length;) {
            const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
            if (!is_harmless(event, true))
                note(engine, event);
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
}
