#pragma once
#include <stdint.h>
#include <stdio.h>

/* Log-linear histogram of nanoseconds, as HdrHistogram: each power of two is divided into 128 equal parts, so
 * a value is known to better than 1 %. Covers 1 ns to 2^40 ns (18 minutes); what is longer counts as that. */

enum { HISTOGRAM_PARTS = 128, HISTOGRAM_BUCKETS = 34 * HISTOGRAM_PARTS };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total, sum, most;
};

void histogram_record(struct histogram *h, uint64_t ns);

/* The value that `share` (0 to 1) of the recorded ones do not exceed; 0 when none is recorded. */
uint64_t histogram_quantile(const struct histogram *h, double share);

/* {"count":..,"mean_us":..,"p50_us":..,"p90_us":..,"p99_us":..,"p999_us":..,"max_us":..,"points":[[us,share],..]}
 */
void histogram_print(const struct histogram *h, FILE *out);
