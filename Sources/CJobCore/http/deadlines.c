#include "deadlines.h"

#include <platform/clock.h>
#include <stddef.h>

void jc_deadlines_init(struct jc_deadlines *deadlines)
{
    for (unsigned kind = 0; kind < JC_DEADLINE_KINDS; kind++)
        TAILQ_INIT(&deadlines->lists[kind]);
}

void jc_deadline_stop(struct jc_deadlines *deadlines, struct jc_deadline *deadline)
{
    if (deadline->kind != JC_DEADLINE_NONE) {
        TAILQ_REMOVE(&deadlines->lists[deadline->kind], deadline, link);
        deadlines->counts[deadline->kind]--;
    }
    deadline->kind = JC_DEADLINE_NONE;
}

void jc_deadline_start(struct jc_deadlines *deadlines, struct jc_deadline *deadline,
                       enum jc_deadline_kind kind)
{
    jc_deadline_stop(deadlines, deadline);
    if (kind == JC_DEADLINE_NONE || deadlines->lasts_ms[kind] == 0)
        return;
    deadline->kind = kind;
    deadline->since_ms = deadline->queued_ms = jp_coarse_ms();
    TAILQ_INSERT_TAIL(&deadlines->lists[kind], deadline, link);
    deadlines->counts[kind]++;
}

void jc_deadline_put_off(struct jc_deadline *deadline)
{
    deadline->since_ms = jp_coarse_ms();
}

/// What was put off goes to the end of its list, to be looked at after one more duration.
static struct jc_deadline *next_of(struct jc_deadlines *deadlines, enum jc_deadline_kind kind, int64_t now_ms)
{
    struct jc_deadline_list *list = &deadlines->lists[kind];
    const int64_t lasts = deadlines->lasts_ms[kind];
    struct jc_deadline *first;
    while ((first = TAILQ_FIRST(list)) != NULL && now_ms - first->queued_ms >= lasts) {
        if (now_ms - first->since_ms >= lasts) {
            jc_deadline_stop(deadlines, first);
            return first;
        }
        TAILQ_REMOVE(list, first, link);
        first->queued_ms = now_ms;
        TAILQ_INSERT_TAIL(list, first, link);
    }
    return NULL;
}

struct jc_deadline *jc_deadlines_next(struct jc_deadlines *deadlines, int64_t now_ms,
                                      enum jc_deadline_kind *kind)
{
    for (*kind = JC_DEADLINE_NONE + 1; *kind < JC_DEADLINE_KINDS; (*kind)++) {
        struct jc_deadline *passed = next_of(deadlines, *kind, now_ms);
        if (passed != NULL)
            return passed;
    }
    return NULL;
}

unsigned jc_deadlines_tick(const struct jc_deadlines *deadlines)
{
    unsigned tick = 250;
    for (unsigned kind = 0; kind < JC_DEADLINE_KINDS; kind++) {
        const unsigned quarter = deadlines->lasts_ms[kind] / 4;
        if (deadlines->lasts_ms[kind] > 0 && quarter < tick)
            tick = quarter > 10 ? quarter : 10;
    }
    return tick;
}
