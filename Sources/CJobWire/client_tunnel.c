#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/// A proxy's reply to CONNECT is its head alone.
#define REPLY_SIZE 8192

void jw_authority(const struct jw_client_options *options, char *text, size_t size)
{
    bool bracketed = strchr(options->host, ':') != NULL;
    snprintf(text, size, bracketed ? "[%s]:%u" : "%s:%u", options->host, options->port);
}

static bool fail(const struct jw_client_options *options, struct jw_error *error, const char *why)
{
    jw_set_error(error, JW_FAIL_CONNECT, "the proxy %s %s", options->proxy->host, why);
    return false;
}

static bool lost(const struct jw_client_options *options, struct jw_error *error, int number)
{
    return fail(options, error, number == EAGAIN ? "did not answer in time" : strerrordesc_np(number));
}

static bool send_all(int socket, const struct jw_client_options *options, int64_t deadline, const char *bytes,
                     size_t length, struct jw_error *error)
{
    while (length > 0) {
        ssize_t count = send(socket, bytes, length, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR && (errno != EAGAIN || !jw_wait(socket, POLLOUT, deadline)))
            return lost(options, error, errno);
        bytes += count > 0 ? count : 0;
        length -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool ask(int socket, const struct jw_client_options *options, int64_t deadline, struct jw_error *error)
{
    char request[2048], target[300];
    const char *credentials = options->proxy->credentials;
    jw_authority(options, target, sizeof target);
    int length = snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", target,
                          target, credentials != NULL ? "Proxy-Authorization: Basic " : "",
                          credentials != NULL ? credentials : "", credentials != NULL ? "\r\n" : "");
    if (length < 0 || (size_t)length >= sizeof request)
        return fail(options, error, "cannot be asked: the user and password are too long");
    return send_all(socket, options, deadline, request, (size_t)length, error);
}

/// Takes the reply's head and no byte more: what follows is the server's.
static bool hear(int socket, const struct jw_client_options *options, int64_t deadline,
                 struct jw_response *response, struct jw_error *error)
{
    char reply[REPLY_SIZE];
    size_t length = 0;
    while (length < sizeof reply) {
        const char *why = NULL;
        ssize_t count = recv(socket, reply + length, 1, 0);
        if (count == 0)
            return fail(options, error, "closed the connection");
        if (count < 0 && errno != EINTR && (errno != EAGAIN || !jw_wait(socket, POLLIN, deadline)))
            return lost(options, error, errno);
        length += count > 0;
        if (count <= 0 || reply[length - 1] != '\n')
            continue;
        ssize_t taken = jw_response_parse(reply, length, true, response, &why);
        if (taken < 0)
            return fail(options, error, "does not answer as a proxy does");
        if (taken > 0 && response->status >= 200)
            return true;
        if (taken > 0)
            length = 0;
    }
    return fail(options, error, "does not answer as a proxy does");
}

bool jw_tunnel(int socket, const struct jw_client_options *options, int64_t deadline, struct jw_error *error)
{
    struct jw_response response;
    if (!ask(socket, options, deadline, error) || !hear(socket, options, deadline, &response, error))
        return false;
    if (response.status < 300)
        return true;
    char why[128];
    if (response.status == 407)
        snprintf(why, sizeof why, "asks for a user and a password: http://USER:PASSWORD@HOST:PORT");
    else
        snprintf(why, sizeof why, "does not connect to the server: it answered %d", response.status);
    return fail(options, error, why);
}
