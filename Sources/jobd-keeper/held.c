#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int table_make(struct table *table, size_t most)
{
    // The kernel gives a page when it is touched: a table that is never full costs what is in it.
    void *memory = mmap(NULL, most * sizeof *table->entries, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    table->entries = memory;
    table->most = most;
    return 0;
}

static struct held *find(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strncmp(table->entries[i].name, name, JK_NAME_SIZE) == 0)
            return &table->entries[i];
    return NULL;
}

int table_hold(struct table *table, const char *name, pid_t pid, int descriptor)
{
    struct held *entry = find(table, name);
    if (entry == NULL && table->count == table->most)
        return -ENOSPC;
    if (entry != NULL)
        close(entry->descriptor);
    else
        entry = &table->entries[table->count++];
    *entry = (struct held){.descriptor = descriptor, .pid = pid};
    strncpy(entry->name, name, JK_NAME_SIZE - 1);
    return 0;
}

pid_t table_release(struct table *table, const char *name)
{
    struct held *entry = find(table, name);
    if (entry == NULL)
        return 0;
    pid_t pid = entry->pid;
    close(entry->descriptor);
    *entry = table->entries[--table->count];
    return pid;
}

bool table_has(const struct table *table, pid_t pid)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].pid == pid)
            return true;
    return false;
}
