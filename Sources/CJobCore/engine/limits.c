#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Cgroups with controllers, for jobs with limits: in a directory beside that of the pool, since a controller
// is turned on for all of a cgroup's children.

/// Microseconds in which a job has its share of CPU time, and the least of it that the kernel takes.
#define CPU_PERIOD 100000
#define CPU_LEAST 1000

static const struct {
    const char *name;
    enum jc_limit_bits bit;
} controllers[] = {{"memory", JC_LIMIT_MEMORY}, {"cpu", JC_LIMIT_CPUS}, {"pids", JC_LIMIT_PROCESSES}};

char *jc_limits_path(const char *cgroup_parent)
{
    char *path = NULL;
    return asprintf(&path, "%s-limited", cgroup_parent) < 0 ? NULL : path;
}

unsigned jc_limits_bits(const struct jc_limits *limits)
{
    return (limits->memory > 0 ? JC_LIMIT_MEMORY : 0) | (limits->cpu_milli > 0 ? JC_LIMIT_CPUS : 0) |
           (limits->processes > 0 ? JC_LIMIT_PROCESSES : 0);
}

static int write_number(int dir, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return jc_small_file_write(dir, name, text);
}

int jc_cgroup_turn_on(const char *path, const char *controller, char **failed)
{
    // Those of its parent's children it is one of, then those of its own.
    char *places[2] = {strdup(path), jc_limits_path(path)};
    char order[64];
    int status = places[0] == NULL || places[1] == NULL ? -ENOMEM : 0;
    if (status == 0)
        *strrchr(places[0], '/') = '\0';
    snprintf(order, sizeof order, "+%s", controller);
    for (int i = 0; i < 2 && status == 0; i++) {
        int dir = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        status = dir < 0 ? -errno : jc_small_file_write(dir, "cgroup.subtree_control", order);
        if (dir >= 0)
            close(dir);
        if (status < 0) {
            *failed = places[i];
            places[i] = NULL;
        }
    }
    free(places[0]);
    free(places[1]);
    return status;
}

int jc_limits_open(struct jc_engine *engine)
{
    char *path = jc_limits_path(engine->options.cgroup_parent);
    if (path == NULL)
        return -ENOMEM;
    engine->limited_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = engine->limited_dir < 0 ? -errno : 0;
    free(path);
    char text[JC_SMALL_FILE];
    // What has no launcher that waits until exec must not come to the end of its memory before: see spawn.c.
    if (status < 0 || engine->options.launchers == 0 ||
        !jc_small_file_read(engine->limited_dir, "cgroup.subtree_control", text))
        return status;
    char *rest = NULL;
    for (char *name = strtok_r(text, " \n", &rest); name != NULL; name = strtok_r(NULL, " \n", &rest))
        for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
            if (strcmp(name, controllers[i].name) == 0)
                engine->controllers |= controllers[i].bit;
    return 0;
}

static int set_memory(int dir, uint64_t bytes)
{
    int status = write_number(dir, "memory.max", bytes);
    if (status == 0)
        status = write_number(dir, "memory.oom.group", 1);
    if (status < 0)
        return status;
    status = write_number(dir, "memory.swap.max", 0);
    // A kernel that does not count what is swapped has no such file.
    return status == -ENOENT ? 0 : status;
}

static int set_cpu(int dir, uint32_t cpu_milli)
{
    const uint64_t share = (uint64_t)cpu_milli * CPU_PERIOD / 1000;
    char text[64];
    snprintf(text, sizeof text, "%" PRIu64 " %d", share > CPU_LEAST ? share : CPU_LEAST, CPU_PERIOD);
    return jc_small_file_write(dir, "cpu.max", text);
}

int jc_limits_set(const struct jc_cgroup *cgroup, const struct jc_limits *limits)
{
    int status = 0;
    if (limits->memory > 0)
        status = set_memory(cgroup->dir, limits->memory);
    if (status == 0 && limits->cpu_milli > 0)
        status = set_cpu(cgroup->dir, limits->cpu_milli);
    if (status == 0 && limits->processes > 0)
        status = write_number(cgroup->dir, "pids.max", limits->processes);
    return status;
}
