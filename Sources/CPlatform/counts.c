#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <platform/counts.h>
#include <sys/mman.h>
#include <unistd.h>

int jp_counts_new(const char *name, size_t cells)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int status = 0;
    // A process that could make it shorter could end all others that read it.
    if (ftruncate(fd, (off_t)(cells * sizeof(uint64_t))) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        status = -errno;
    if (status < 0)
        close(fd);
    return status < 0 ? status : fd;
}

int jp_counts_map(int fd, size_t cells, bool writable, uint64_t **out)
{
    const int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *memory = mmap(NULL, cells * sizeof(uint64_t), access, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *out = memory;
    return 0;
}

int jp_counts_fix(int fd)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0)
        return -errno;
    if ((seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
        return -EACCES;
    return (seals & F_SEAL_SEAL) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0 ? -errno : 0;
}

int jp_counts_seal(int fd)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
}
