#ifndef JOBPLAN_PLAN_H
#define JOBPLAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

/// A job as it crosses from the api process to the supervisor, is stored, and is executed: a header, the end
/// of each string, and the strings, each ended by NUL. Numbers are little-endian, as on all machines jobd
/// runs on. Pure: no I/O, no allocation, any thread.

#define JC_PLAN_MAGIC 0x4e4c504aU // "JPLN"
/// Bytes of the shortest header.
#define JC_PLAN_FIRST_SIZE 48
/// Bytes of the header of any plan without a terminal that has more than that.
#define JC_PLAN_SECOND_SIZE 72

enum jc_plan_flag {
    JC_PLAN_STDIN_OPEN = 1,    ///< standard input stays open and is fed by requests
    JC_PLAN_MERGE = 2,         ///< stderr goes into stdout's pipe
    JC_PLAN_KILL_AT_LIMIT = 4, ///< past the output limit the job is ended; else the rest is dropped
    JC_PLAN_GRACE = 8,         ///< `grace_ms` counts; else the daemon's
    JC_PLAN_OUTPUT_LIMIT = 16, ///< `output_limit` counts; else the daemon's
    JC_PLAN_CWD = 32,          ///< there is a string of this kind, after all others, in this order
    JC_PLAN_USER = 64,
    JC_PLAN_GROUP = 128,
    JC_PLAN_QUEUE = 256,  ///< the named queue it waits in
    JC_PLAN_RUNNER = 512, ///< the name of the runner that it is launched by
    JC_PLAN_TRACE = 1024, ///< TRACEPARENT=VALUE: an entry of the environment, unless it has one of that name
    JC_PLAN_TERMINAL = 2048, ///< its descriptors are a terminal of `rows` and `columns`
};

/// What a plan says, in numbers. Grows at its end alone: what a shorter one of an earlier version lacks is 0,
/// what a longer one has more is not looked at.
struct jc_plan_header {
    uint32_t magic;
    uint32_t size;  ///< of this header in the plan
    uint32_t flags; ///< of `enum jc_plan_flag`
    /// How many strings there are of each kind, in this order: the program and its arguments; NAME=VALUE; a
    /// name and a value each.
    uint32_t arguments, environment, labels;
    uint64_t timeout_ms; ///< 0: none
    uint64_t grace_ms;   ///< between TERM and KILL
    uint64_t output_limit;
    // Here an earlier version's ends, as does any plan that has none of what follows.
    int32_t priority;     ///< among the client's jobs that wait
    uint32_t queue_slots; ///< jobs of the named queue that may run at once; 0: there is no such queue
    uint64_t memory;      ///< bytes that its processes together may use; 0 here and below: no limit
    uint32_t cpu_milli;   ///< thousandths of a CPU
    uint32_t processes;
    // Here ends that of a plan without a terminal.
    uint16_t rows, columns; ///< of the terminal when the job begins
    uint32_t reserved;      ///< 0
};

/// A plan's parts. Points into its bytes, and lives no longer.
struct jc_plan {
    struct jc_plan_header header;
    const void *_Nonnull ends;
    const char *_Nonnull strings;
};

/// Checks a plan whole, whoever made it: sizes and counts against the length, each string, names of the
/// environment and of labels in ascending order and so once each; all of it UTF-8. 0 or -EINVAL.
int jc_plan_check(const void *_Nonnull bytes, size_t length) __attribute__((warn_unused_result));
/// The parts of a plan that was checked.
struct jc_plan jc_plan_view(const void *_Nonnull bytes);

/// String `index`, counted through all kinds.
const char *_Nonnull jc_plan_string(const struct jc_plan *_Nonnull plan, uint32_t index);
/// The string of a kind there is at most one of (JC_PLAN_CWD, _USER, _GROUP, _QUEUE, _RUNNER, _TRACE); NULL:
/// there is none.
const char *_Nullable jc_plan_text(const struct jc_plan *_Nonnull plan, enum jc_plan_flag kind);

#endif
