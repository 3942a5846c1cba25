#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool jc_small_file_read(int dir, const char *name, char text[JC_SMALL_FILE])
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, JC_SMALL_FILE - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length >= 0;
}

bool jc_proc_read(const struct jc_engine *engine, const char *path, size_t *length)
{
    int fd = openat(dirfd(engine->proc), path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t count;
    for (*length = 0; *length < JC_PIPE_LARGE - 1; *length += (size_t)count)
        if ((count = read(fd, engine->buffer + *length, JC_PIPE_LARGE - 1 - *length)) <= 0)
            break;
    close(fd);
    engine->buffer[*length] = '\0';
    return true;
}

int jc_small_file_write(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int status = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return status;
}
