#include "baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, PAGE = 4096 };

void write_bytes(unsigned long long bytes)
{
    static char block[BLOCK];
    memset(block, 'x', sizeof(block));
    while (bytes > 0) {
        ssize_t count = write(STDOUT_FILENO, block, bytes < BLOCK ? bytes : BLOCK);
        if (count < 0)
            fail("write: %s", strerror(errno));
        bytes -= (unsigned long long)count;
    }
}

static void write_whole(int fd, const char *bytes, ssize_t count)
{
    for (ssize_t at = 0; at < count;) {
        ssize_t written = write(fd, bytes + at, (size_t)(count - at));
        if (written < 0)
            fail("write: %s", strerror(errno));
        at += written;
    }
}

void bare_drain(const char *file, unsigned long long bytes)
{
    char number[32], *arguments[] = {"/proc/self/exe", "write", number, NULL}, *block = malloc(BLOCK);
    unsigned long long drained = 0;
    uint64_t start = now_ns();
    snprintf(number, sizeof(number), "%llu", bytes);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), status;
    struct child child = child_start(arguments);
    if (fd < 0 || block == NULL || fcntl(child.out, F_SETPIPE_SZ, BLOCK) < 0)
        fail("%s: %s", file, strerror(errno));
    for (ssize_t count; (count = read(child.out, block, BLOCK)) > 0; drained += (unsigned long long)count)
        write_whole(fd, block, count);
    if (waitpid(child.pid, &status, 0) != child.pid || status != 0 || drained != bytes)
        fail("the writer ended with %d after %llu bytes", status, drained);
    double wall = (double)(now_ns() - start) / 1e9;
    close(fd);
    unlink(file);
    free(block);
    printf("{\"per_second\":%.0f,\"cpu\":%.6f}\n", (double)drained / wall, (double)cpu_ns(getpid()) / 1e9);
}

/* A file whose blocks are there already, as those of a database's log: only the data has to reach the disk.
 */
static int make_file(const char *file, const char *block)
{
    int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        fail("%s: %s", file, strerror(errno));
    write_whole(fd, block, BLOCK);
    if (fsync(fd) != 0)
        fail("fsync: %s", strerror(errno));
    return fd;
}

void bare_sync(const char *file, double seconds)
{
    static char block[BLOCK];
    struct histogram *latency = calloc(1, sizeof(*latency));
    int fd = make_file(file, block), turn = 0;
    if (latency == NULL)
        fail("out of memory");
    for (uint64_t now = now_ns(), until = now + (uint64_t)(seconds * 1e9), after; now < until; now = after) {
        block[0]++;
        if (pwrite(fd, block, PAGE, (off_t)(turn++ % (BLOCK / PAGE)) * PAGE) != PAGE || fdatasync(fd) != 0)
            fail("fdatasync: %s", strerror(errno));
        after = now_ns();
        histogram_record(latency, after - now);
    }
    close(fd);
    unlink(file);
    histogram_print(latency, stdout);
    putchar('\n');
    free(latency);
}
