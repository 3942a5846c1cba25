#define _GNU_SOURCE
#include "keeper.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/// sd_notify(3): a path, or after "@" an abstract name.
static bool make_address(struct notify *notify, const char *text)
{
    const size_t length = strlen(text);
    if (length < 2 || length >= sizeof notify->address.sun_path || (text[0] != '/' && text[0] != '@'))
        return false;
    notify->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(notify->address.sun_path, text, length);
    if (text[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/'));
    return true;
}

/// sd_watchdog_enabled(3): half of the time in which a sign of life must come; 0: nobody waits for one.
static int64_t watchdog(void)
{
    const char *pid = getenv("WATCHDOG_PID"), *limit = getenv("WATCHDOG_USEC");
    if (limit == NULL || (pid != NULL && atol(pid) != (long)getpid()))
        return 0;
    return atoll(limit) / 2000;
}

void notify_begin(struct notify *notify)
{
    const char *address = getenv("NOTIFY_SOCKET");
    notify->socket = -1;
    if (address != NULL && make_address(notify, address))
        notify->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    notify->watchdog_ms = watchdog();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

void notify_send(const struct notify *notify, const char *text)
{
    // One that does not keep up, or is away, is told the next time: nothing here may wait.
    if (notify->socket >= 0)
        (void)!sendto(notify->socket, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, notify->size);
}
