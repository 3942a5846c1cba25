#ifndef JOBCORE_BUDGET_H
#define JOBCORE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

/// The bytes that a process holds in memory for its clients: of requests that come, of what is on its way
/// from them, and of replies that they do not read. Shared by all servers of a process, which it outlives;
/// any thread.
struct jc_budget;

/// `most` of all clients. 0 or -ENOMEM.
int jc_budget_new(size_t most, struct jc_budget *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// So much may be held for the client `tag` (of `opened`, 0 or more): before anything is.
void jc_budget_allow(struct jc_budget *_Nonnull budget, int64_t tag, size_t most);
void jc_budget_free(struct jc_budget *_Nullable budget);
/// So many more are held for the client `tag`, or less.
void jc_budget_add(struct jc_budget *_Nonnull budget, int64_t tag, ptrdiff_t bytes);
enum jc_budget_state { JC_BUDGET_HAS_ROOM, JC_BUDGET_CLIENT_FULL, JC_BUDGET_FULL };
/// Whether more may be held for the client. When all clients together are at their bound, one that holds
/// nothing may still begin.
enum jc_budget_state jc_budget_state(const struct jc_budget *_Nonnull budget, int64_t tag);
size_t jc_budget_held(const struct jc_budget *_Nonnull budget);

#endif
