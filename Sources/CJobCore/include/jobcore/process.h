#ifndef JOBCORE_PROCESS_H
#define JOBCORE_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What jobd's own two processes need of the kernel that Swift cannot call itself. Any thread unless said
/// otherwise.

/// pidfd_open(2): a descriptor (close-on-exec) that becomes readable when the child `pid` ends, or a negative
/// errno.
int jc_pidfd_open(pid_t pid) __attribute__((warn_unused_result));

/// A descriptor of an anonymous file that holds `bytes` and reads from their start, or a negative errno.
int jc_memory_file(const char *_Nonnull name, const void *_Nullable bytes, size_t length)
    __attribute__((warn_unused_result));

/// Sends a datagram of `text` and `count` (at most 2) descriptors to the socket at `address`, a path or,
/// after "@", an abstract name. Does not wait: -EAGAIN when the receiver does not keep up. A negative errno.
int jc_notify(const char *_Nonnull address, const char *_Nonnull text, size_t length,
              const int *_Nullable fds, size_t count) __attribute__((warn_unused_result));

/// Gives up what a process that reads from the network does not need. Called before any other thread is made:
/// user and group (skipped when `uid` is (uid_t)-1), all supplementary groups, gaining privileges by exec
/// (PR_SET_NO_NEW_PRIVS), being traced or dumped, and by seccomp(2) the calls that start programs, reach
/// other processes, change files or make connections: they fail with EPERM. -errno of the first that failed;
/// the process should then end.
int jc_confine(uid_t uid, gid_t gid) __attribute__((warn_unused_result));

/// SHA-256 (FIPS 180-4) of `bytes`.
void jc_sha256(const uint8_t *_Nonnull bytes, size_t length, uint8_t digest[_Nonnull 32]);

/// Starts writing what `fd` has in memory to the disk and does not wait for it (sync_file_range(2)): an
/// fdatasync(2) that follows is short. Nothing is promised; what fails, that tells.
void jc_write_back(int fd);

/// Brings all of the file system that `fd` is in to disk (syncfs(2)). 0 or a negative errno.
int jc_sync_file_system(int fd) __attribute__((warn_unused_result));

/// Names the calling thread, for ps(1) and debuggers: 15 characters at most.
void jc_name_thread(const char *_Nonnull name);

#endif
