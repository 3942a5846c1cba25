#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jobcore/job.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/// Where the cgroup v2 hierarchy is mounted, from /proc/self/mountinfo (proc_pid_mountinfo(5)).
static int find_mount(char mount[PATH_MAX])
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL)
        return -errno;
    char *line = NULL;
    size_t capacity = 0;
    int status = -ENOENT;
    while (status < 0 && getline(&line, &capacity, file) > 0) {
        char point[PATH_MAX];
        char *rest = strstr(line, " - ");
        if (rest != NULL && strncmp(rest, " - cgroup2 ", 11) == 0 &&
            sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1) {
            strcpy(mount, point);
            status = 0;
        }
    }
    free(line);
    fclose(file);
    return status;
}

/// This process's place in the hierarchy: the line of hierarchy 0 (cgroups(7)).
static int find_own(char own[PATH_MAX])
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL)
        return -errno;
    char *line = NULL;
    size_t capacity = 0;
    int status = -ENOENT;
    while (status < 0 && getline(&line, &capacity, file) > 0)
        if (sscanf(line, "0::%4095[^\n]", own) == 1)
            status = 0;
    free(line);
    fclose(file);
    return status;
}

/// Whether children can be made there: only trying tells.
static int try_to_make(const char *path)
{
    char probe[PATH_MAX + 32];
    snprintf(probe, sizeof probe, "%s/jobd-probe-%d", path, (int)getpid());
    if (mkdir(probe, 0755) < 0)
        return -errno;
    return rmdir(probe) < 0 ? -errno : 0;
}

int jc_cgroup_find(char **out)
{
    char mount[PATH_MAX], own[PATH_MAX];
    int status = find_mount(mount);
    if (status == 0)
        status = find_own(own);
    if (status < 0)
        return status;
    char *path = NULL;
    if (asprintf(&path, "%s%s", mount, strcmp(own, "/") == 0 ? "" : own) < 0)
        return -ENOMEM;
    status = try_to_make(path);
    if (status < 0)
        free(path);
    else
        *out = path;
    return status;
}

static bool is_populated(const char *path)
{
    char name[PATH_MAX + 32], text[128] = "";
    snprintf(name, sizeof name, "%s/cgroup.events", path);
    FILE *file = fopen(name, "re");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    return strstr(text, "populated 1") != NULL;
}

static int kill_all(const char *path)
{
    char name[PATH_MAX + 32];
    snprintf(name, sizeof name, "%s/cgroup.kill", path);
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int status = write(fd, "1", 1) < 0 ? -errno : 0;
    close(fd);
    return status;
}

/// Kills all below `path` and waits, at most ten seconds, until it is gone.
static int empty(const char *path)
{
    for (int i = 0; i < 1000 && is_populated(path); i++) {
        int status = kill_all(path);
        if (status < 0)
            return status;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return is_populated(path) ? -EBUSY : 0;
}

static bool is_spared(const char *name, const int64_t *spared, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char own[32];
        snprintf(own, sizeof own, "job-%" PRId64, spared[i]);
        if (strcmp(name, own) == 0)
            return true;
    }
    return false;
}

/// Empties the directories in `path`, all at once before it waits for each, and removes them.
static int empty_children(const char *path, const int64_t *spared, size_t count)
{
    int status = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return -errno;
    for (int round = 0; round < 2; round++) {
        rewinddir(dir);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            char child[PATH_MAX + 256];
            if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || is_spared(entry->d_name, spared, count))
                continue;
            snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
            int failed = round == 0 ? kill_all(child) : empty(child);
            if (failed < 0 && round == 1)
                status = failed;
            else if (round == 1)
                rmdir(child);
        }
    }
    closedir(dir);
    return status;
}

int jc_cgroup_claim(const char *parent, const char *name, const int64_t *spared, size_t count, char **out)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", parent, name) < 0)
        return -ENOMEM;
    int status = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : empty_children(path, spared, count);
    if (status < 0)
        free(path);
    else
        *out = path;
    return status;
}

static void remove_children(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    closedir(dir);
}

void jc_cgroup_release(const char *path)
{
    remove_children(path);
    rmdir(path);
}
