#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// OpenSSL's own socket BIO writes with write(2): a server that went away would end the program by SIGPIPE.
static int bio_write(BIO *bio, const char *bytes, int length)
{
    const struct jw_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = send(transport->socket, bytes, (size_t)length, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)count;
}

static int bio_read(BIO *bio, char *bytes, int length)
{
    const struct jw_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = recv(transport->socket, bytes, (size_t)length, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)count;
}

bool jw_transport_open(struct jw_transport *transport, const struct jw_client_options *options,
                       struct jw_error *error)
{
    transport->socket = transport->sessions.directory = -1;
    transport->io_ms = transport->patience_ms = options->io_ms;
    int64_t deadline = jw_deadline(options->connect_ms);
    SSL_CTX *ctx = jw_client_context(error);
    if (ctx == NULL)
        return false;
    jw_set_error(error, JW_FAIL_CONNECT, "out of memory");
    transport->method = jw_tls_bio_method(bio_read, bio_write);
    transport->ssl = transport->method != NULL ? jw_tls_session(ctx, transport->method, transport) : NULL;
    SSL_CTX_free(ctx);
    // The files first: what is wrong with them is better known before anything else is.
    if (transport->ssl == NULL || !jw_identify(transport, options, error))
        return false;
    transport->socket = jw_connect(options, deadline, error);
    return transport->socket >= 0 && jw_handshake(transport, options, deadline, error);
}

void jw_transport_close(struct jw_transport *transport, bool in_order)
{
    if (transport->ssl != NULL && in_order)
        SSL_shutdown(transport->ssl);
    if (transport->sessions.directory >= 0)
        close(transport->sessions.directory);
    SSL_free(transport->ssl);
    BIO_meth_free(transport->method);
    if (transport->socket >= 0)
        close(transport->socket);
}

/// After a read or write that did not succeed: -EAGAIN, or -1 with `error`.
static ssize_t failed(struct jw_transport *transport, int returned, bool started, struct jw_error *error)
{
    int number = errno, result = SSL_get_error(transport->ssl, returned);
    if (result == SSL_ERROR_WANT_READ || result == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    jw_explain(transport, result, number, started, error);
    return -1;
}

ssize_t jw_send(struct jw_transport *transport, const char *bytes, size_t length, struct jw_error *error)
{
    size_t written = 0;
    ERR_clear_error();
    errno = 0;
    int returned = SSL_write_ex(transport->ssl, bytes, length, &written);
    return returned == 1 ? (ssize_t)written : failed(transport, returned, false, error);
}

bool jw_await(struct jw_transport *transport, short events, int64_t deadline, struct jw_error *error)
{
    if (SSL_want_read(transport->ssl))
        events |= POLLIN;
    if (SSL_want_write(transport->ssl))
        events |= POLLOUT;
    struct pollfd wait = {.fd = transport->socket, .events = events};
    if (jw_wait_any(&wait, 1, deadline) > 0)
        return true;
    jw_set_error(error, JW_FAIL_TIMEOUT, "the server did not answer in time");
    return false;
}

bool jw_shake(struct jw_transport *transport, int64_t deadline, struct jw_error *error)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int returned = SSL_connect(transport->ssl);
        if (returned == 1)
            return transport->shaken = true;
        if (failed(transport, returned, false, error) != -EAGAIN || !jw_await(transport, 0, deadline, error))
            return false;
    }
}

/// Further records that have come: a large buffer is filled by one call, not by one a record. What stops it
/// stops the next call too.
static size_t read_more(SSL *ssl, char *bytes, size_t capacity)
{
    size_t total = 0, count = 0;
    while (total < capacity && SSL_has_pending(ssl) &&
           SSL_read_ex(ssl, bytes + total, capacity - total, &count))
        total += count;
    return total;
}

ssize_t jw_receive_now(struct jw_transport *transport, char *bytes, size_t capacity, bool started,
                       struct jw_error *error)
{
    size_t count = 0;
    ERR_clear_error();
    errno = 0;
    int returned = SSL_read_ex(transport->ssl, bytes, capacity, &count);
    if (returned == 1) {
        transport->heard = true;
        return (ssize_t)(count + read_more(transport->ssl, bytes + count, capacity - count));
    }
    if (SSL_get_error(transport->ssl, returned) == SSL_ERROR_ZERO_RETURN)
        return 0;
    return failed(transport, returned, started, error);
}

ssize_t jw_receive(struct jw_transport *transport, char *bytes, size_t capacity, bool started,
                   struct jw_error *error)
{
    for (;;) {
        ssize_t count = jw_receive_now(transport, bytes, capacity, started, error);
        if (count != -EAGAIN)
            return count;
        if (!jw_await(transport, 0, jw_deadline(transport->patience_ms), error))
            return -1;
    }
}

bool jw_is_quiet(struct jw_transport *transport)
{
    char byte;
    size_t count = 0;
    ERR_clear_error();
    int returned = SSL_peek_ex(transport->ssl, &byte, 1, &count);
    return returned != 1 && SSL_get_error(transport->ssl, returned) == SSL_ERROR_WANT_READ;
}
