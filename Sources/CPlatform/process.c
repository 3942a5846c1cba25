#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <platform/process.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int jp_pidfd_open(pid_t pid)
{
    // Close-on-exec is always set (pidfd_open(2)).
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int jp_signal_fd(const sigset_t *signals)
{
    int fd = signalfd(-1, signals, SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int jp_write_all(int fd, const void *from, size_t length)
{
    const char *bytes = from;
    while (length > 0) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        bytes += count;
        length -= (size_t)count;
    }
    return 0;
}

int jp_memory_file(const char *name, const void *bytes, size_t length)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int status = jp_write_all(fd, bytes, length);
    if (status == 0 && lseek(fd, 0, SEEK_SET) < 0)
        status = -errno;
    if (status < 0)
        close(fd);
    return status < 0 ? status : fd;
}

void jp_write_back(int fd)
{
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int jp_sync_file_system(int fd)
{
    return syncfs(fd) < 0 ? -errno : 0;
}

int jp_keep_room(int fd, off_t from, off_t length)
{
    int status;
    do
        status = fallocate(fd, FALLOC_FL_KEEP_SIZE, from, length);
    while (status < 0 && errno == EINTR);
    return status < 0 ? -errno : 0;
}

const char *jp_errno_name(int error)
{
    return strerrorname_np(error);
}

void jp_die_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

void jp_name_thread(const char *name)
{
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

int jp_wait_until(sem_t *semaphore, int64_t end)
{
    struct timespec time = {.tv_sec = end / 1000000, .tv_nsec = end % 1000000 * 1000};
    while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &time) != 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}
