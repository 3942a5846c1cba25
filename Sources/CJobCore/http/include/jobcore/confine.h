#ifndef JOBCORE_CONFINE_H
#define JOBCORE_CONFINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Gives up what a process that reads from the network does not need. Called before any other thread is made:
/// user and group (skipped when `uid` is (uid_t)-1), all supplementary groups and capabilities, gaining
/// privileges by exec (PR_SET_NO_NEW_PRIVS), being traced or dumped, by landlock(7) all files but those below
/// `directory` where the kernel has it, which fail with EACCES, and by seccomp(2) all calls but those that
/// serving needs, which fail with EPERM. -errno of the first that failed; the process should then end.
int jc_confine(uid_t uid, gid_t gid, const char *_Nonnull directory) __attribute__((warn_unused_result));

/// SHA-256 (FIPS 180-4) of `bytes`.
void jc_sha256(const uint8_t *_Nonnull bytes, size_t length, uint8_t digest[_Nonnull 32]);

#endif
