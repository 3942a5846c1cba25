#include "histogram.h"

static unsigned bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_PARTS)
        return (unsigned)ns;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(ns) - 7;
    unsigned index = exponent * HISTOGRAM_PARTS + (unsigned)(ns >> exponent);
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

/* The highest value that falls into the bucket. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < 2 * HISTOGRAM_PARTS)
        return bucket;
    unsigned exponent = bucket / HISTOGRAM_PARTS - 1;
    uint64_t part = bucket - exponent * HISTOGRAM_PARTS;
    return ((part + 1) << exponent) - 1;
}

void histogram_record(struct histogram *h, uint64_t ns)
{
    h->counts[bucket_of(ns)]++;
    h->total++;
    h->sum += ns;
    if (ns > h->most)
        h->most = ns;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->total + 0.5), seen = 0;
    if (h->total == 0)
        return 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen >= wanted)
            return top_of(i) < h->most ? top_of(i) : h->most;
    }
    return h->most;
}

void histogram_print(const struct histogram *h, FILE *out)
{
    static const double points[] = {0,    0.05,  0.1,   0.2,   0.3,   0.4,    0.5,    0.6,     0.7,
                                    0.75, 0.8,   0.85,  0.9,   0.925, 0.95,   0.97,   0.98,    0.985,
                                    0.99, 0.993, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999, 1};
    double mean = h->total ? (double)h->sum / (double)h->total / 1e3 : 0;
    fprintf(out, "{\"count\":%llu,\"mean_us\":%.2f", (unsigned long long)h->total, mean);
    fprintf(out, ",\"p50_us\":%.2f,\"p90_us\":%.2f", (double)histogram_quantile(h, 0.5) / 1e3,
            (double)histogram_quantile(h, 0.9) / 1e3);
    fprintf(out, ",\"p99_us\":%.2f,\"p999_us\":%.2f", (double)histogram_quantile(h, 0.99) / 1e3,
            (double)histogram_quantile(h, 0.999) / 1e3);
    fprintf(out, ",\"max_us\":%.2f,\"points\":[", (double)h->most / 1e3);
    for (unsigned i = 0; i < sizeof(points) / sizeof(*points); i++)
        fprintf(out, "%s[%.2f,%g]", i ? "," : "", (double)histogram_quantile(h, points[i]) / 1e3, points[i]);
    fprintf(out, "]}");
}
