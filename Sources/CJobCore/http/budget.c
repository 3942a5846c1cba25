#include <jobcore/budget.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/// Tags are dense: exact up to so many clients; beyond it some share one, and what the one with most may.
#define CLIENTS 1024

struct jc_budget {
    size_t most;
    _Atomic(size_t) held, clients[CLIENTS], client_most[CLIENTS];
};

int jc_budget_new(size_t most, struct jc_budget **out)
{
    struct jc_budget *budget = calloc(1, sizeof *budget);
    if (budget == NULL)
        return -ENOMEM;
    budget->most = most;
    *out = budget;
    return 0;
}

void jc_budget_free(struct jc_budget *budget)
{
    free(budget);
}

void jc_budget_allow(struct jc_budget *budget, int64_t tag, size_t most)
{
    _Atomic(size_t) *place = &budget->client_most[(uint64_t)tag % CLIENTS];
    size_t now = atomic_load_explicit(place, memory_order_relaxed);
    while (now < most && !atomic_compare_exchange_weak_explicit(place, &now, most, memory_order_relaxed,
                                                                memory_order_relaxed))
        ;
}

void jc_budget_add(struct jc_budget *budget, int64_t tag, ptrdiff_t bytes)
{
    atomic_fetch_add_explicit(&budget->held, (size_t)bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&budget->clients[(uint64_t)tag % CLIENTS], (size_t)bytes, memory_order_relaxed);
}

enum jc_budget_state jc_budget_state(const struct jc_budget *budget, int64_t tag)
{
    const uint64_t place = (uint64_t)tag % CLIENTS;
    const size_t client = atomic_load_explicit(&budget->clients[place], memory_order_relaxed);
    if (client >= atomic_load_explicit(&budget->client_most[place], memory_order_relaxed))
        return JC_BUDGET_CLIENT_FULL;
    return client > 0 && jc_budget_held(budget) >= budget->most ? JC_BUDGET_FULL : JC_BUDGET_HAS_ROOM;
}

size_t jc_budget_held(const struct jc_budget *budget)
{
    return atomic_load_explicit(&budget->held, memory_order_relaxed);
}
