#pragma once
#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* CPU time that the process's threads have used so far; ends the program when it is gone. */
uint64_t cpu_ns(pid_t pid);

/* User and system time of the process's children that it has waited for, and theirs. */
uint64_t children_cpu_ns(pid_t pid);

/* Ends the program: a measurement that failed is not reported. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
