#ifndef PLATFORM_JOURNAL_H
#define PLATFORM_JOURNAL_H

#include <stddef.h>

/// A socket (close-on-exec) to send entries from, which waits no longer than `wait_ms` for a journal that
/// takes none. A negative errno.
int jp_journal_socket(unsigned wait_ms) __attribute__((warn_unused_result));

/// Sends one entry in the journal's native form to the socket of it at `path`: in a datagram, or as a sealed
/// file where it is too large for one. 0 or a negative errno.
int jp_journal_send(int fd, const char *_Nonnull path, const void *_Nonnull entry, size_t length)
    __attribute__((warn_unused_result));

#endif
