#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/// Bytes of a job's candidates: what no PATH that a program is meant to be found by comes near.
#define MOST ((size_t)256 << 10)

static const char *path_of(char *const *envp)
{
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return "/usr/bin:/bin";
}

static size_t count_parts(const char *path)
{
    size_t count = 1;
    for (; (path = strchr(path, ':')) != NULL; path++)
        count++;
    return count;
}

/// An empty part of PATH is the job's own directory.
static char *join(char *at, const char *part, size_t length, const char *name)
{
    at = mempcpy(at, part, length);
    if (length > 0)
        *at++ = '/';
    return stpcpy(at, name) + 1;
}

int jc_exec_files(struct jc_launch *launch)
{
    const char *name = launch->argv[0];
    if (strchr(name, '/') != NULL)
        return 0;
    const char *path = path_of(launch->envp);
    const size_t length = strlen(name), parts = count_parts(path);
    const bool is_name = length > 0 && length < PATH_MAX;
    const size_t bytes = is_name ? strlen(path) + parts * (length + 2) : 0;
    if (parts * sizeof(char *) + bytes > MOST)
        return -E2BIG;
    char **file = malloc((parts + 1) * sizeof *file + bytes);
    if (file == NULL)
        return -ENOMEM;
    launch->files = file;
    char *at = (char *)(file + parts + 1);
    for (const char *part = path; is_name; part++) {
        const size_t part_length = strcspn(part, ":");
        if (part_length + length + 2 <= PATH_MAX) {
            *file++ = at;
            at = join(at, part, part_length, name);
        }
        part += part_length;
        if (*part == '\0')
            break;
    }
    *file = NULL;
    return 0;
}
