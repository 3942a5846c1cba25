#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/// proc_pid_mountinfo(5)
static bool take_mount(const char *line, char mount[PATH_MAX])
{
    return strstr(line, " - cgroup2 ") != NULL && sscanf(line, "%*s %*s %*s %*s %4095s", mount) == 1;
}

/// The line of hierarchy 0 (cgroups(7)).
static bool take_own(const char *line, char own[PATH_MAX])
{
    return sscanf(line, "0::%4095[^\n]", own) == 1;
}

/// What `take` takes from the first line that has it.
static int find(const char *name, bool (*take)(const char *line, char out[PATH_MAX]), char out[PATH_MAX])
{
    FILE *file = fopen(name, "re");
    if (file == NULL)
        return -errno;
    char *line = NULL;
    size_t capacity = 0;
    int status = -ENOENT;
    while (status < 0 && getline(&line, &capacity, file) > 0)
        if (take(line, out))
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

/// Below its cgroup the daemon has a leaf for itself, and systemd one for a unit's ExecReload= and
/// ExecStopPost=.
static void strip_leaf(char own[PATH_MAX])
{
    static const char *const leaves[] = {"/" JC_DAEMON_LEAF, "/.control"};
    const size_t length = strlen(own);
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        const size_t tail = strlen(leaves[i]);
        if (length > tail && strcmp(own + length - tail, leaves[i]) == 0)
            own[length - tail] = '\0';
    }
}

/// 0: it is gone. The parent is the service manager then, which must not be moved.
static pid_t keeper_of(int link)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    if (getsockopt(link, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return 0;
    return peer.pid == getppid() ? peer.pid : 0;
}

int jc_cgroup_move_daemon(const char *path, int link)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return -errno;
    char procs[PATH_MAX];
    snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
    const int fd = open(procs, O_WRONLY | O_CLOEXEC), keeper = keeper_of(link);
    int status = fd < 0 || dprintf(fd, "%d", (int)getpid()) < 0 ? -errno : 0;
    if (status == 0 && keeper > 0 && dprintf(fd, "%d", keeper) < 0 && errno != ESRCH)
        status = -errno;
    if (fd >= 0)
        close(fd);
    return status;
}

int jc_cgroup_find(char **out)
{
    char mount[PATH_MAX], own[PATH_MAX];
    int status = find("/proc/self/mountinfo", take_mount, mount);
    if (status == 0)
        status = find("/proc/self/cgroup", take_own, own);
    if (status < 0)
        return status;
    strip_leaf(own);
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

/// Kills all in a cgroup; with `remove` waits, at most ten seconds, until it is empty, and removes it.
static int clear(int parent, const char *name, bool remove)
{
    struct jc_cgroup cgroup;
    int status = jc_cgroup_open(parent, name, &cgroup);
    if (status < 0)
        return status;
    jc_cgroup_kill(&cgroup);
    for (int i = 0; remove && i < 1000 && jc_cgroup_populated(&cgroup); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        jc_cgroup_kill(&cgroup);
    }
    if (remove && jc_cgroup_populated(&cgroup))
        status = -EBUSY;
    else if (remove) {
        jc_cgroup_walk_remove(cgroup.dir);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    jc_cgroup_close(&cgroup);
    return status;
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

/// Clears the cgroups in `path`: all are killed before each is waited for.
static int clear_children(const char *path, const int64_t *spared, size_t count)
{
    int status = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return -errno;
    for (int round = 0; round < 2; round++) {
        rewinddir(dir);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || is_spared(entry->d_name, spared, count))
                continue;
            int failed = clear(dirfd(dir), entry->d_name, round == 1);
            if (failed < 0 && round == 1)
                status = failed;
        }
    }
    closedir(dir);
    return status;
}

static int claim(const char *path, const int64_t *spared, size_t count)
{
    return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : clear_children(path, spared, count);
}

// No two cgroups of an engine have the same number, so that those that are spared may be in either directory.
int jc_cgroup_claim(const char *parent, const char *name, const int64_t *spared, size_t count, char **out)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", parent, name) < 0)
        return -ENOMEM;
    char *limited = jc_limits_path(path);
    int status = limited == NULL ? -ENOMEM : claim(path, spared, count);
    if (status == 0)
        status = claim(limited, spared, count);
    free(limited);
    if (status < 0)
        free(path);
    else
        *out = path;
    return status;
}

static void release(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    jc_cgroup_walk_remove(dir);
    close(dir);
    rmdir(path);
}

void jc_cgroup_release(const char *path)
{
    char *limited = jc_limits_path(path);
    if (limited == NULL)
        return;
    release(limited);
    release(path);
    free(limited);
}
