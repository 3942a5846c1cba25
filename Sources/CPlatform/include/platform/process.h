#ifndef PLATFORM_PROCESS_H
#define PLATFORM_PROCESS_H

#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What Swift cannot call of the kernel and the C library itself. Any thread.

/// pidfd_open(2): a descriptor (close-on-exec) that becomes readable when the child `pid` ends, or a negative
/// errno.
int jp_pidfd_open(pid_t pid) __attribute__((warn_unused_result));

/// signalfd(2): a descriptor (close-on-exec) that is readable while one of `signals`, which are to be
/// blocked, waits; or a negative errno.
int jp_signal_fd(const sigset_t *_Nonnull signals) __attribute__((warn_unused_result));

/// Writes all, whatever a call takes. 0 or a negative errno.
int jp_write_all(int fd, const void *_Nullable from, size_t length) __attribute__((warn_unused_result));

/// A descriptor of an anonymous file that holds `bytes` and reads from their start, or a negative errno.
int jp_memory_file(const char *_Nonnull name, const void *_Nullable bytes, size_t length)
    __attribute__((warn_unused_result));

/// Starts writing what `fd` has in memory to the disk and does not wait for it (sync_file_range(2)): an
/// fdatasync(2) that follows is short. Nothing is promised; what fails, that tells.
void jp_write_back(int fd);

/// Brings all of the file system that `fd` is in to disk (syncfs(2)). 0 or a negative errno.
int jp_sync_file_system(int fd) __attribute__((warn_unused_result));

/// Has the file system keep room for `length` bytes from `from` on, beyond the end of the file, whose size
/// stays (fallocate(2)). 0 or a negative errno: -EOPNOTSUPP where it cannot.
int jp_keep_room(int fd, off_t from, off_t length) __attribute__((warn_unused_result));

/// The symbol of an errno, such as "ENOSPC"; NULL: there is none of that number.
const char *_Nullable jp_errno_name(int error);

/// Has the kernel end this process when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG): one
/// that is stopped or hangs would not notice. After the last change of user, which would undo it.
void jp_die_with_parent(void);

/// Takes back what this process may have from whoever started it, as its children would: umask, nice value,
/// scheduling policy, I/O priority, affinity (but for a cpuset's), personality. Before other threads are
/// started.
void jp_reset_inherited(void);

/// Names the calling thread, for ps(1) and debuggers: 15 characters at most.
void jp_name_thread(const char *_Nonnull name);

/// Waits for a semaphore until CLOCK_MONOTONIC shows that many microseconds. 0, or a negative errno:
/// -ETIMEDOUT. Any thread.
int jp_wait_until(sem_t *_Nonnull semaphore, int64_t end);

#endif
