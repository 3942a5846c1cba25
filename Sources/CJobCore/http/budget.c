#include <jobcore/budget.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/// Tags are dense: exact up to so many clients; beyond it some share one.
#define CLIENTS 1024

struct jc_budget {
    size_t most, client_most;
    _Atomic(size_t) held, clients[CLIENTS];
};

int jc_budget_new(size_t most, size_t client_most, struct jc_budget **out)
{
    struct jc_budget *budget = calloc(1, sizeof *budget);
    if (budget == NULL)
        return -ENOMEM;
    budget->most = most;
    budget->client_most = client_most;
    *out = budget;
    return 0;
}

void jc_budget_free(struct jc_budget *budget)
{
    free(budget);
}

void jc_budget_add(struct jc_budget *budget, int64_t tag, ptrdiff_t bytes)
{
    atomic_fetch_add_explicit(&budget->held, (size_t)bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&budget->clients[(uint64_t)tag % CLIENTS], (size_t)bytes, memory_order_relaxed);
}

enum jc_budget_state jc_budget_state(const struct jc_budget *budget, int64_t tag)
{
    const size_t client =
        atomic_load_explicit(&budget->clients[(uint64_t)tag % CLIENTS], memory_order_relaxed);
    if (client >= budget->client_most)
        return JC_BUDGET_CLIENT_FULL;
    return client > 0 && jc_budget_held(budget) >= budget->most ? JC_BUDGET_FULL : JC_BUDGET_HAS_ROOM;
}

size_t jc_budget_held(const struct jc_budget *budget)
{
    return atomic_load_explicit(&budget->held, memory_order_relaxed);
}
