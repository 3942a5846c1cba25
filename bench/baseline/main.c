#include "baseline.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] = "baseline jobs IN_FLIGHT SECONDS | command AT_ONCE SECONDS WARMUP PROGRAM "
                            "ARGUMENT... | drain FILE BYTES | sync FILE SECONDS | write "
                            "BYTES | delay PORT MILLISECONDS";

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "jobs") == 0 && count == 4)
        bare_jobs(atoi(arguments[2]), strtod(arguments[3], NULL));
    else if (strcmp(what, "command") == 0 && count > 5)
        bare_command(atoi(arguments[2]), strtod(arguments[3], NULL), strtod(arguments[4], NULL),
                     arguments + 5);
    else if (strcmp(what, "drain") == 0 && count == 4)
        bare_drain(arguments[2], strtoull(arguments[3], NULL, 10));
    else if (strcmp(what, "sync") == 0 && count == 4)
        bare_sync(arguments[2], strtod(arguments[3], NULL));
    else if (strcmp(what, "write") == 0 && count == 3)
        write_bytes(strtoull(arguments[2], NULL, 10));
    else if (strcmp(what, "delay") == 0 && count == 4)
        delayed_link((uint16_t)atoi(arguments[2]), strtod(arguments[3], NULL));
    else
        fail("%s", usage);
    return 0;
}
