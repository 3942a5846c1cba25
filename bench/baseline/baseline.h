#pragma once
#include "histogram.h"
#include "meter.h"

/* The bare loops that the daemon is compared with. Each prints one JSON line. */

/* vfork + exec + wait of /bin/true with two pipes, `in_flight` at a time on two threads, for so long. */
void bare_jobs(int in_flight, double seconds);

/* A command that is run again and again, so many at a time, each on a thread of its own. Counted is what ends
 * in `seconds` after `warmup`. */
void bare_command(int at_once, double seconds, double warmup, char *const *command);

/* A child that writes `bytes`, drained into the file by 1 MiB reads from a 1 MiB pipe; the CPU time is
 * without the child's. */
void bare_drain(const char *file, unsigned long long bytes);

/* Writes 4 KiB over a part of the file and fdatasyncs it, for so long. */
void bare_sync(const char *file, double seconds);

/* Writes so many bytes to standard output: the job whose output is drained. */
void write_bytes(unsigned long long bytes);

/* Leads from a port of its own, which it prints, to `port` of this host, and delays what passes by so much
 * each way, until its standard input ends. */
_Noreturn void delayed_link(uint16_t port, double milliseconds);

/* A child whose standard streams are /dev/null and two pipes. */
struct child {
    int pid, out, err;
};

/* Starts it by vfork; the calling thread goes on once it has executed. */
struct child child_start(char *const *arguments);
