#define _GNU_SOURCE
#include "engine_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool jc_status_read(const struct jc_engine *engine, pid_t pid)
{
    char path[32];
    size_t length;
    snprintf(path, sizeof path, "%d/status", (int)pid);
    return jc_proc_read(engine, path, &length);
}

const char *jc_status_values(const struct jc_engine *engine, const char *name)
{
    const char *line = strstr(engine->buffer, name);
    return line != NULL ? line + strlen(name) : "";
}

bool jc_status_has_signal(const struct jc_engine *engine, const char *name, int signo)
{
    const uint64_t signals = strtoull(jc_status_values(engine, name), NULL, 16);
    return (signals >> (signo - 1) & 1) != 0;
}
