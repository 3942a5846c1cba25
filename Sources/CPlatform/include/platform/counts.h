#ifndef PLATFORM_COUNTS_H
#define PLATFORM_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Numbers that one process counts and another may read meanwhile: cells of a memory file that both map. Each
/// cell is whole at any time, and nothing is said of their order. Any thread.

/// A descriptor (close-on-exec) of an anonymous file of `cells` zeros whose size cannot change, or a negative
/// errno.
int jp_counts_new(const char *_Nonnull name, size_t cells) __attribute__((warn_unused_result));
/// Maps its cells; the caller unmaps them.
int jp_counts_map(int fd, size_t cells, bool writable, uint64_t *_Nullable *_Nonnull out)
    __attribute__((warn_unused_result));
/// Whoever has the descriptor can go on writing the cells, and cannot keep others from it. -EACCES: somebody
/// did before.
int jp_counts_fix(int fd) __attribute__((warn_unused_result));
/// Whoever gets the descriptor from now on can read the cells and not write them, whatever its rights are;
/// what is mapped already stays as it is.
int jp_counts_seal(int fd) __attribute__((warn_unused_result));

static inline void jp_count(uint64_t *_Nonnull cell, uint64_t by)
{
    __atomic_fetch_add(cell, by, __ATOMIC_RELAXED);
}

static inline void jp_count_set(uint64_t *_Nonnull cell, uint64_t value)
{
    __atomic_store_n(cell, value, __ATOMIC_RELAXED);
}

static inline uint64_t jp_counted(const uint64_t *_Nonnull cell)
{
    return __atomic_load_n(cell, __ATOMIC_RELAXED);
}

#endif
