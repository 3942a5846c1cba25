#include "server_private.h"

#include <string.h>
#include <time.h>

static char *put(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

static char *put_two(char *at, int number)
{
    *at++ = (char)('0' + number / 10);
    *at++ = (char)('0' + number % 10);
    return at;
}

static void write_date(char *at, time_t seconds)
{
    static const char days[] = "Sun, Mon, Tue, Wed, Thu, Fri, Sat, ";
    static const char months[] = " Jan  Feb  Mar  Apr  May  Jun  Jul  Aug  Sep  Oct  Nov  Dec ";
    struct tm tm;
    gmtime_r(&seconds, &tm);
    const int year = tm.tm_year + 1900;
    at = put(at, days + 5 * tm.tm_wday, 5);
    at = put(put_two(at, tm.tm_mday), months + 5 * tm.tm_mon, 5);
    at = put(put_two(put_two(at, year / 100), year % 100), " ", 1);
    at = put(put_two(at, tm.tm_hour), ":", 1);
    at = put(put_two(at, tm.tm_min), ":", 1);
    put(put_two(at, tm.tm_sec), " GMT", 4);
}

/// Written once a second.
const char *jc_server_date(struct jc_server *server)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_s)
        write_date(server->date, now.tv_sec);
    server->date_s = now.tv_sec;
    return server->date;
}
