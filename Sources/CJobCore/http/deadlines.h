#ifndef JOBCORE_DEADLINES_H
#define JOBCORE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/// Coarse deadlines in one first-in-first-out list a kind: all of a kind last as long, so the first in its
/// list is the first due, and setting one costs a few pointers.
enum jc_deadline_kind {
    JC_DEADLINE_NONE,
    JC_DEADLINE_HANDSHAKE,
    JC_DEADLINE_HEAD,
    JC_DEADLINE_BODY,
    JC_DEADLINE_WRITE,
    JC_DEADLINE_IDLE,
    JC_DEADLINE_LINGER,
    JC_DEADLINE_KINDS,
};

struct jc_deadline {
    enum jc_deadline_kind kind;
    int64_t since_ms, queued_ms; ///< when it was started or put off; when it came into its list
    TAILQ_ENTRY(jc_deadline) link;
};

struct jc_deadlines {
    unsigned lasts_ms[JC_DEADLINE_KINDS]; ///< 0: for ever
    TAILQ_HEAD(jc_deadline_list, jc_deadline) lists[JC_DEADLINE_KINDS];
    size_t counts[JC_DEADLINE_KINDS];
};

void jc_deadlines_init(struct jc_deadlines *deadlines);
/// Starts the deadline from now.
void jc_deadline_start(struct jc_deadlines *deadlines, struct jc_deadline *deadline,
                       enum jc_deadline_kind kind);
/// Puts off a deadline without moving it in its list: it may then fire up to one duration late.
void jc_deadline_put_off(struct jc_deadline *deadline);
void jc_deadline_stop(struct jc_deadlines *deadlines, struct jc_deadline *deadline);
/// Takes out one deadline that has passed and tells its kind, or NULL.
struct jc_deadline *jc_deadlines_next(struct jc_deadlines *deadlines, int64_t now_ms,
                                      enum jc_deadline_kind *kind);
/// How often to look, in milliseconds.
unsigned jc_deadlines_tick(const struct jc_deadlines *deadlines);

#endif
