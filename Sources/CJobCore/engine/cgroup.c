#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

// The pool: cgroups are made when all are in use and kept for the next job. One that is used again is as it
// was when it was made: see cgroup_changes.c. They have no controllers, which would cost each job something.
// A job with limits has a cgroup of its own: what the kernel counts in one cannot be set back.

/// Free ones that are kept beside as many as are in use.
#define MOST_FREE 64

int jc_cgroup_open(int parent, const char *name, struct jc_cgroup *cgroup)
{
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return -errno;
    cgroup->dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup->dir < 0)
        return -errno;
    cgroup->events = openat(cgroup->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (cgroup->events >= 0)
        return 0;
    int status = -errno;
    close(cgroup->dir);
    return status;
}

void jc_cgroup_close(const struct jc_cgroup *cgroup)
{
    close(cgroup->dir);
    close(cgroup->events);
}

static int directory(const struct jc_engine *engine, bool is_limited)
{
    return is_limited ? engine->limited_dir : engine->cgroup_dir;
}

static int make_cgroup(struct jc_engine *engine, unsigned number, bool is_limited, struct jc_cgroup **out)
{
    struct jc_cgroup *cgroup = calloc(1, sizeof *cgroup);
    if (cgroup == NULL)
        return -ENOMEM;
    char name[32];
    snprintf(name, sizeof name, "job-%u", number);
    cgroup->number = number;
    cgroup->is_limited = is_limited;
    int status = jc_cgroup_open(directory(engine, is_limited), name, cgroup);
    if (status < 0) {
        free(cgroup);
        return status;
    }
    pthread_mutex_lock(&engine->lock);
    jc_cgroup_changes_add(engine, cgroup);
    LIST_INSERT_HEAD(&engine->known_cgroups, cgroup, known);
    engine->used_count++;
    pthread_mutex_unlock(&engine->lock);
    *out = cgroup;
    return 0;
}

/// Takes one out of those that are free. Under the lock.
static struct jc_cgroup *take_free(struct jc_engine *engine)
{
    struct jc_cgroup *cgroup = SLIST_FIRST(&engine->free_cgroups);
    if (cgroup == NULL)
        return NULL;
    SLIST_REMOVE_HEAD(&engine->free_cgroups, link);
    cgroup->is_free = false;
    engine->free_count--;
    engine->used_count++;
    return cgroup;
}

static void drop_all(struct jc_engine *engine, struct jc_cgroups *cgroups)
{
    for (struct jc_cgroup *cgroup; (cgroup = SLIST_FIRST(cgroups)) != NULL;) {
        SLIST_REMOVE_HEAD(cgroups, link);
        jc_cgroup_drop(engine, cgroup);
    }
}

static int make_limited(struct jc_engine *engine, const struct jc_limits *limits, struct jc_cgroup **out)
{
    pthread_mutex_lock(&engine->lock);
    const unsigned number = engine->next_cgroup++;
    pthread_mutex_unlock(&engine->lock);
    int status = make_cgroup(engine, number, true, out);
    if (status < 0)
        return status;
    status = jc_limits_set(*out, limits);
    if (status < 0) {
        jc_cgroup_drop(engine, *out);
        *out = NULL;
    }
    return status;
}

int jc_cgroup_take(struct jc_engine *engine, const struct jc_limits *limits, struct jc_cgroup **out)
{
    if (jc_limits_bits(limits) != 0)
        return make_limited(engine, limits, out);
    struct jc_cgroups spent = SLIST_HEAD_INITIALIZER(spent);
    struct jc_cgroup *cgroup;
    pthread_mutex_lock(&engine->lock);
    jc_cgroup_changes_read(engine);
    while ((cgroup = take_free(engine)) != NULL && cgroup->is_spent)
        SLIST_INSERT_HEAD(&spent, cgroup, link);
    unsigned number = cgroup == NULL ? engine->next_cgroup++ : 0;
    pthread_mutex_unlock(&engine->lock);
    drop_all(engine, &spent);
    *out = cgroup;
    return cgroup != NULL ? 0 : make_cgroup(engine, number, false, out);
}

void jc_cgroup_label(const struct jc_cgroup *cgroup, const char *marker)
{
    const char *id = strchr(marker, '=') + 1;
    // Before Linux 5.7 it cannot have one.
    (void)fsetxattr(cgroup->dir, "user.job_id", id, strlen(id), 0);
}

int jc_cgroup_adopt(struct jc_engine *engine, const struct jc_job_state *state, struct jc_cgroup **out)
{
    const unsigned number = (unsigned)state->cgroup;
    int status = make_cgroup(engine, number, state->is_limited, out);
    pthread_mutex_lock(&engine->lock);
    if (status == 0 && number >= engine->next_cgroup)
        engine->next_cgroup = number + 1;
    pthread_mutex_unlock(&engine->lock);
    // What was changed before is not known.
    if (status == 0)
        (*out)->is_spent = true;
    return status;
}

void jc_cgroup_let_go(struct jc_engine *engine, struct jc_cgroup *cgroup)
{
    pthread_mutex_lock(&engine->lock);
    LIST_REMOVE(cgroup, known);
    engine->used_count--;
    pthread_mutex_unlock(&engine->lock);
    jc_cgroup_close(cgroup);
    free(cgroup);
}

void jc_cgroup_drop(struct jc_engine *engine, struct jc_cgroup *cgroup)
{
    char name[32];
    snprintf(name, sizeof name, "job-%u", cgroup->number);
    jc_cgroup_walk_remove(cgroup->dir);
    // With it the kernel removes its watch.
    unlinkat(directory(engine, cgroup->is_limited), name, AT_REMOVEDIR);
    jc_cgroup_let_go(engine, cgroup);
}

/// Keeps it for the next job unless it was changed. Free ones are no more than are in use, but for some.
void jc_cgroup_give(struct jc_engine *engine, struct jc_cgroup *cgroup)
{
    struct jc_cgroups drops = SLIST_HEAD_INITIALIZER(drops);
    pthread_mutex_lock(&engine->lock);
    jc_cgroup_changes_read(engine);
    if (cgroup->is_spent) {
        SLIST_INSERT_HEAD(&drops, cgroup, link);
    } else {
        cgroup->is_free = true;
        SLIST_INSERT_HEAD(&engine->free_cgroups, cgroup, link);
        engine->free_count++;
        engine->used_count--;
    }
    // Two at most: each that comes back may leave one more too many.
    for (int i = 0; i < 2 && engine->free_count > engine->used_count + MOST_FREE; i++) {
        cgroup = take_free(engine);
        SLIST_INSERT_HEAD(&drops, cgroup, link);
    }
    pthread_mutex_unlock(&engine->lock);
    drop_all(engine, &drops);
}

void jc_cgroups_free(struct jc_engine *engine)
{
    for (struct jc_cgroup *cgroup; (cgroup = take_free(engine)) != NULL;)
        jc_cgroup_let_go(engine, cgroup);
    if (engine->changes >= 0)
        close(engine->changes);
}

bool jc_cgroup_populated(const struct jc_cgroup *cgroup)
{
    char text[128];
    ssize_t length = pread(cgroup->events, text, sizeof text - 1, 0);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return strstr(text, "populated 1") != NULL;
}

// A cgroup that was killed counts its kills, and CLONE_INTO_CGROUP compares that count with the one of the
// parent's cgroup (seen on Linux 6.18): the next child would be killed at its birth.
void jc_cgroup_kill(struct jc_cgroup *cgroup)
{
    int signo = SIGKILL;
    cgroup->is_spent = true;
    // Kernels before 5.14 have no cgroup.kill.
    if (jc_small_file_write(cgroup->dir, "cgroup.kill", "1") < 0)
        jc_cgroup_walk(cgroup->dir, jc_send_signal, &signo);
}
