#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The pool: cgroups are made when all are in use and kept for the next job.

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

static int make_cgroup(struct jc_engine *engine, unsigned number, struct jc_cgroup **out)
{
    struct jc_cgroup *cgroup = calloc(1, sizeof *cgroup);
    if (cgroup == NULL)
        return -ENOMEM;
    char name[32];
    snprintf(name, sizeof name, "job-%u", number);
    cgroup->number = number;
    int status = jc_cgroup_open(engine->cgroup_dir, name, cgroup);
    if (status < 0)
        free(cgroup);
    else
        *out = cgroup;
    return status;
}

int jc_cgroup_take(struct jc_engine *engine, struct jc_cgroup **out)
{
    pthread_mutex_lock(&engine->lock);
    struct jc_cgroup *cgroup = SLIST_FIRST(&engine->cgroups);
    if (cgroup != NULL)
        SLIST_REMOVE_HEAD(&engine->cgroups, link);
    unsigned number = cgroup == NULL ? engine->next_cgroup++ : 0;
    pthread_mutex_unlock(&engine->lock);
    if (cgroup == NULL)
        return make_cgroup(engine, number, out);
    *out = cgroup;
    return 0;
}

int jc_cgroup_adopt(struct jc_engine *engine, unsigned number, struct jc_cgroup **out)
{
    int status = make_cgroup(engine, number, out);
    pthread_mutex_lock(&engine->lock);
    if (status == 0 && number >= engine->next_cgroup)
        engine->next_cgroup = number + 1;
    pthread_mutex_unlock(&engine->lock);
    return status;
}

void jc_cgroup_let_go(struct jc_cgroup *cgroup)
{
    jc_cgroup_close(cgroup);
    free(cgroup);
}

void jc_cgroup_drop(struct jc_engine *engine, struct jc_cgroup *cgroup)
{
    char name[32];
    snprintf(name, sizeof name, "job-%u", cgroup->number);
    jc_cgroup_let_go(cgroup);
    unlinkat(engine->cgroup_dir, name, AT_REMOVEDIR);
}

// A cgroup that was killed counts its kills, and CLONE_INTO_CGROUP compares that count with the one of the
// parent's cgroup (seen on Linux 6.18): the next child would be killed at its birth.
void jc_cgroup_give(struct jc_engine *engine, struct jc_cgroup *cgroup)
{
    if (cgroup->killed) {
        jc_cgroup_drop(engine, cgroup);
        return;
    }
    pthread_mutex_lock(&engine->lock);
    SLIST_INSERT_HEAD(&engine->cgroups, cgroup, link);
    pthread_mutex_unlock(&engine->lock);
}

void jc_cgroups_free(struct jc_engine *engine)
{
    for (struct jc_cgroup *cgroup; (cgroup = SLIST_FIRST(&engine->cgroups)) != NULL;) {
        SLIST_REMOVE_HEAD(&engine->cgroups, link);
        jc_cgroup_let_go(cgroup);
    }
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

void jc_cgroup_signal(const struct jc_cgroup *cgroup, int signo)
{
    int fd = openat(cgroup->dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    int pid;
    // Pids of another namespace's processes read as 0.
    while (fscanf(file, "%d", &pid) == 1)
        if (pid > 1)
            kill(pid, signo);
    fclose(file);
}

void jc_cgroup_kill(struct jc_cgroup *cgroup)
{
    cgroup->killed = true;
    int fd = openat(cgroup->dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    // Kernels before 5.14 have no cgroup.kill.
    if (fd < 0 || write(fd, "1", 1) != 1)
        jc_cgroup_signal(cgroup, SIGKILL);
    if (fd >= 0)
        close(fd);
}
