#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <platform/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool jw_ca_fail_file(char *error, const char *what, const char *path, int number)
{
    return jw_ca_fail(error, "cannot %s %s: %s", what, path, strerrordesc_np(number));
}

/// Writes the file in full beside the place where it is to be.
static bool draft(struct jw_ca_file *file, char *error)
{
    char *bytes = NULL;
    long length = BIO_get_mem_data(file->contents, &bytes);
    int size = snprintf(file->draft, sizeof file->draft, "%s.XXXXXX", file->place);
    errno = ENAMETOOLONG;
    int fd = (size_t)size < sizeof file->draft ? mkostemp(file->draft, O_CLOEXEC) : -1;
    int failed = fd < 0 ? errno : 0;
    if (failed != 0)
        file->draft[0] = '\0';
    else if (fchmod(fd, file->mode) != 0)
        failed = errno;
    else
        failed = -jp_write_all(fd, bytes, (size_t)length);
    if (failed == 0 && fsync(fd) != 0)
        failed = errno;
    if (fd >= 0 && close(fd) != 0 && failed == 0)
        failed = errno;
    return failed == 0 || jw_ca_fail_file(error, "write", file->place, failed);
}

/// Moves a draft to its place. Without `force` by link, which, unlike a check before a rename, can't lose a
/// race against another writer.
static bool move(struct jw_ca_file *file, char *error)
{
    if ((file->force ? rename : link)(file->draft, file->place) == 0) {
        if (file->force)
            file->draft[0] = '\0';
        return true;
    }
    int number = errno;
    if (number == EEXIST)
        return jw_ca_fail(error, "%s exists already and was kept: use --force to replace it", file->place);
    return jw_ca_fail_file(error, "write", file->place, number);
}

static bool sync_directory(const char *place, char *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", place);
    const char *directory = dirname(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return jw_ca_fail_file(error, "open", directory, errno);
    int number = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return number == 0 || jw_ca_fail_file(error, "write", directory, number);
}

/// With `force` a key is in its place before the certificate is: what can't be replaced is found out before.
static bool check_place(const char *place, char *error)
{
    struct stat status;
    if (lstat(place, &status) == 0 && S_ISDIR(status.st_mode))
        return jw_ca_fail_file(error, "write", place, EISDIR);
    return true;
}

/// A file whose fellow can't be published is taken away again, unless it replaced another.
static bool move_all(struct jw_ca_file *files, size_t count, char *error)
{
    for (size_t i = 0; i < count; i++)
        if (!check_place(files[i].place, error))
            return false;
    for (size_t i = 0; i < count; i++) {
        if (move(&files[i], error))
            continue;
        while (i-- > 0)
            if (!files[i].force)
                unlink(files[i].place);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!sync_directory(files[i].place, error))
            return false;
    return true;
}

bool jw_ca_publish(struct jw_ca_file *files, size_t count, char *error)
{
    bool done = true;
    for (size_t i = 0; done && i < count; i++)
        done = draft(&files[i], error);
    done = done && move_all(files, count, error);
    for (size_t i = 0; i < count; i++)
        if (files[i].draft[0] != '\0')
            unlink(files[i].draft);
    return done;
}
