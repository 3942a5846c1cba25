#ifndef KEEPER_RECORD_H
#define KEEPER_RECORD_H

#include <stddef.h>
#include <stdint.h>

/// What supervisor and keeper say to each other: one record a message over a socket of type SOCK_SEQPACKET
/// that the supervisor has as descriptor JK_LINK. Only the supervisor begins. The two may be of different
/// versions: what a shorter record lacks is zero, what a longer one has besides is skipped, and a kind the
/// keeper does not know is answered with -ENOSYS. Numbers of kinds and places of fields never change.

#define JK_LINK 3
#define JK_NAME_SIZE 64
#define JK_TEXT_SIZE 512

enum jk_kind {
    // Told: there is no reply.
    JK_ALIVE = 1,     ///< a sign of life; value[0]: milliseconds in which the next one must come
    JK_READY = 2,     ///< it serves; `text` is for the service manager
    JK_NOTIFY = 3,    ///< `text` is for the service manager (sd_notify(3))
    JK_MIGRATING = 4, ///< from now on an earlier binary cannot read the state; value[0] as with JK_ALIVE
    JK_RELEASE = 5,   ///< `name` is held no more, and the zombie of its process, if there is one, is reaped
    JK_LEAVE = 6,     ///< it is about to exit; value[0]: enum jk_leave

    // Asked: the reply is a record of the same kind, with `status` 0 or a negative errno.
    JK_HELLO = 64, ///< reply: see `struct jk_hello`
    JK_HOLD =
        65, ///< a descriptor under `name`, in place of what has it already; `pid`: 0, or the job's process
    JK_TAKE = 66, ///< value[0]: which; reply: a copy of the descriptor, `name`, `pid`; -ENOENT past the last
    JK_EXIT =
        67, ///< how `pid` ended, which stays a zombie: value[0] is its wait status, then its user and system
            ///< time in microseconds and its peak memory in KiB. -EAGAIN: it runs; -ECHILD: it is no child
};

/// What is to follow the supervisor's exit. Without a JK_LEAVE it died, and another is started.
enum jk_leave {
    JK_LEAVE_END = 1,       ///< the keeper's, with the same status
    JK_LEAVE_SUCCESSOR = 2, ///< another from the binary's path
};

/// Why a supervisor was started.
enum jk_cause {
    JK_CAUSE_START = 0,
    JK_CAUSE_DEATH = 1,   ///< the one before died, as `text` says
    JK_CAUSE_UPGRADE = 2, ///< the one before asked for it
    JK_CAUSE_RETURN = 3,  ///< a binary of another version did not become ready, as `text` says
};

/// Places in the reply to JK_HELLO. `pid`: of the supervisor before.
enum jk_hello {
    JK_HELLO_STARTS = 0, ///< supervisors it has started
    JK_HELLO_CAUSE = 1,  ///< enum jk_cause
};

struct jk_record {
    uint32_t kind;
    int32_t status;
    int32_t pid;
    uint32_t number; ///< of the question; the reply has the same
    uint64_t value[8];
    char name[JK_NAME_SIZE]; ///< NUL-terminated, as `text`
    char text[JK_TEXT_SIZE];
};

#endif
