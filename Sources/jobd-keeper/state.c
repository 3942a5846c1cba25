#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Lines of a name and numbers. A line whose name is not known is skipped, and what has no line is as at a
// first start, so that the two may be of different versions.

/// Their names are never given to others.
#define NUMBERS(X)                                                                                           \
    X(starts)                                                                                                \
    X(was_ready)                                                                                             \
    X(has_migrated)                                                                                          \
    X(cause)                                                                                                 \
    X(predecessor)                                                                                           \
    X(signals)                                                                                               \
    X(is_asked_to_end)                                                                                       \
    X(notify.watchdog_ms)                                                                                    \
    X(program)

void state_pass(const struct keeper *keeper, bool passes)
{
    const int flag = passes ? 0 : FD_CLOEXEC;
    if (keeper->program >= 0)
        fcntl(keeper->program, F_SETFD, flag);
    for (size_t i = 0; i < keeper->table.count; i++)
        fcntl(keeper->table.entries[i].descriptor, F_SETFD, flag);
}

int state_write(const struct keeper *keeper)
{
    int state = memfd_create("jobd-keeper", 0);
    if (state < 0)
        return -1;
    bool is_whole = true;
#define WRITE(field) is_whole &= dprintf(state, "%s %" PRId64 "\n", #field, (int64_t)keeper->field) > 0;
    NUMBERS(WRITE)
    for (size_t i = 0; i < keeper->table.count; i++) {
        const struct held *held = &keeper->table.entries[i];
        is_whole &= dprintf(state, "held %d %d %s\n", held->descriptor, (int)held->pid, held->name) > 0;
    }
    const struct sockaddr_un *address = &keeper->notify.address;
    if (keeper->notify.socket >= 0)
        is_whole &= dprintf(state, "notify %c%s\n", address->sun_path[0] != '\0' ? '/' : '@',
                            address->sun_path + 1) > 0;
    if (is_whole && lseek(state, 0, SEEK_SET) == 0)
        return state;
    close(state);
    errno = ENOMEM;
    return -1;
}

static void take_number(struct keeper *keeper, const char *name, int64_t value)
{
#define READ(field)                                                                                          \
    if (strcmp(name, #field) == 0)                                                                           \
        keeper->field = (__typeof__(keeper->field))value;
    NUMBERS(READ)
}

static bool take_held(struct keeper *keeper, const char *line)
{
    int descriptor, pid, at = 0;
    if (sscanf(line, "held %d %d %n", &descriptor, &pid, &at) != 2 || at == 0)
        return false;
    return table_hold(&keeper->table, line + at, pid, descriptor) == 0;
}

static void take_line(struct keeper *keeper, char *line)
{
    char name[32];
    int64_t value;
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "notify ", 7) == 0)
        setenv("NOTIFY_SOCKET", line + 7, 1);
    else if (!take_held(keeper, line) && sscanf(line, "%31s %" SCNd64, name, &value) == 2)
        take_number(keeper, name, value);
}

bool state_read(struct keeper *keeper, int descriptor)
{
    FILE *file = fdopen(descriptor, "r");
    if (file == NULL)
        return false;
    for (char line[256]; fgets(line, sizeof line, file) != NULL;)
        take_line(keeper, line);
    fclose(file);
    state_pass(keeper, false);
    return keeper->starts > 0;
}
