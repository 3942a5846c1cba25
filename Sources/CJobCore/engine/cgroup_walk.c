#define _GNU_SOURCE
#include "engine_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

// A job may make cgroups below its own: a service manager or a container engine does.

/// Of what a job made below its own; what is left stays until the daemon that comes next.
#define MOST_BELOW 10000

void jc_cgroup_processes(int dir, int most, void (*visit)(void *context, pid_t pid), void *context)
{
    int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    int pid;
    // Pids of another namespace's processes read as 0.
    for (int i = 0; i < most && fscanf(file, "%d", &pid) == 1; i++)
        if (pid > 0)
            visit(context, pid);
    fclose(file);
}

/// For each process of a cgroup.
struct visitor {
    void (*visit)(void *context, pid_t pid);
    void *context;
};

/// Calls `visit` for each cgroup below `dir`, the deepest first.
static void walk(int dir, int *left, void (*visit)(int parent, const char *name, void *context),
                 void *context)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (entries == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (struct dirent *entry; *left > 0 && (entry = readdir(entries)) != NULL;) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below < 0)
            continue;
        (*left)--;
        walk(below, left, visit, context);
        close(below);
        visit(dir, entry->d_name, context);
    }
    closedir(entries);
}

static void visit_processes(int parent, const char *name, void *context)
{
    const struct visitor *visitor = context;
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    jc_cgroup_processes(dir, INT_MAX, visitor->visit, visitor->context);
    close(dir);
}

static void visit_remove(int parent, const char *name, void *context)
{
    (void)context;
    unlinkat(parent, name, AT_REMOVEDIR);
}

void jc_cgroup_walk(int dir, void (*visit)(void *context, pid_t pid), void *context)
{
    struct visitor visitor = {visit, context};
    int left = MOST_BELOW;
    jc_cgroup_processes(dir, INT_MAX, visit, context);
    walk(dir, &left, visit_processes, &visitor);
}

void jc_cgroup_walk_remove(int dir)
{
    int left = MOST_BELOW;
    walk(dir, &left, visit_remove, NULL);
}
