#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include <stdint.h>
#include <time.h>

/// The clocks of all C code. Any thread.

static inline int64_t jp_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/// Of a clock that is never set.
static inline int64_t jp_monotonic_ns(void)
{
    return jp_clock_ns(CLOCK_MONOTONIC);
}

static inline int64_t jp_monotonic_ms(void)
{
    return jp_monotonic_ns() / 1000000;
}

/// The same, some milliseconds late, for a fifth of the cost.
static inline int64_t jp_coarse_ms(void)
{
    return jp_clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000;
}

/// Since 1970.
static inline int64_t jp_realtime_us(void)
{
    return jp_clock_ns(CLOCK_REALTIME) / 1000;
}

#endif
