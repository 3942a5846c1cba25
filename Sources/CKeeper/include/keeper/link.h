#ifndef KEEPER_LINK_H
#define KEEPER_LINK_H

#include <keeper/record.h>
#include <stdbool.h>
#include <sys/types.h>

/// One thread at a time. All return 0 or a negative errno: -EPIPE when the keeper is gone,
/// -ETIMEDOUT when it does not answer in time.

/// A record with `name` and `text` (NULL: none), cut where they are too long.
struct jk_record jk_record_make(enum jk_kind kind, const char *_Nullable name, const char *_Nullable text);
const char *_Nonnull jk_record_name(const struct jk_record *_Nonnull record);
const char *_Nonnull jk_record_text(const struct jk_record *_Nonnull record);

/// Sends a record, and with it a copy of `descriptor` (-1: none); does not wait: -EAGAIN.
int jk_send(int link, const struct jk_record *_Nonnull record, int descriptor)
    __attribute__((warn_unused_result));
/// Receives a record, and the descriptor that came with it or -1, close-on-exec; does not wait: -EAGAIN.
int jk_receive(int link, struct jk_record *_Nonnull record, int *_Nonnull descriptor)
    __attribute__((warn_unused_result));

/// How a child ended, as JK_EXIT says. It is reaped, unless it `keeps` to be a zombie. -EAGAIN, -ECHILD.
int jk_wait(pid_t pid, uint64_t value[_Nonnull 4], bool keeps) __attribute__((warn_unused_result));

// The supervisor's side, which waits.

/// Sends a record that has no reply.
int jk_tell(int link, const struct jk_record *_Nonnull record) __attribute__((warn_unused_result));
/// Sends a record, with `descriptor` (-1: none; it stays the caller's), and waits for the reply, which takes
/// the record's place. `received`: the descriptor that came with it, close-on-exec and the caller's, or -1;
/// NULL: none is expected. What the reply says of itself is in its `status`.
int jk_ask(int link, struct jk_record *_Nonnull record, int descriptor, int *_Nullable received)
    __attribute__((warn_unused_result));

#endif
