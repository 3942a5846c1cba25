#ifndef JOBCORE_LOOP_PRIVATE_H
#define JOBCORE_LOOP_PRIVATE_H

#include <jobcore/loop.h>
#include <stdint.h>

struct event_base;

/// The libevent base of a loop, for what is made on it. Used from the loop's thread only.
struct event_base *jc_loop_base(struct jc_loop *loop);

/// The number of the round that goes on. Loop's thread only.
uint64_t jc_loop_round(const struct jc_loop *loop);

/// Whether the calling thread is inside a round of the loop.
bool jc_loop_is_current(struct jc_loop *loop);

#endif
