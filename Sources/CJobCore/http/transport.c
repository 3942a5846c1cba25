#include "transport.h"
#include "server_private.h"
#include "tls_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int bio_read(BIO *bio, char *bytes, int length)
{
    struct jc_connection *connection = BIO_get_data(bio);
    struct jc_server *server = connection->server;
    size_t left = server->cipher_end - server->cipher_at;
    BIO_clear_retry_flags(bio);
    if (left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = left < (size_t)length ? left : (size_t)length;
    memcpy(bytes, server->cipher + server->cipher_at, taken);
    server->cipher_at += taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
    struct jc_connection *connection = BIO_get_data(bio);
    struct jc_bytes *wire = &connection->server->wire;
    BIO_clear_retry_flags(bio);
    if (!jc_bytes_reserve(wire, (size_t)length))
        return -1;
    memcpy(wire->data + wire->end, bytes, (size_t)length);
    wire->end += (size_t)length;
    return length;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *jc_transport_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "jobd connection");
    if (method == NULL)
        return NULL;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/// Made when the first bytes come: a peer that sends none costs no TLS state.
static bool make_ssl(struct jc_connection *connection)
{
    const struct jc_tls *tls = connection->server->tls;
    connection->ssl = SSL_new(tls->ctx);
    BIO *bio = connection->ssl != NULL ? BIO_new(tls->method) : NULL;
    if (bio == NULL)
        return false;
    BIO_set_data(bio, connection);
    BIO_set_init(bio, 1);
    SSL_set_bio(connection->ssl, bio, bio);
    SSL_set_accept_state(connection->ssl);
    return true;
}

ssize_t jc_transport_receive(struct jc_connection *connection)
{
    struct jc_server *server = connection->server;
    ssize_t got = recv(connection->fd, server->cipher, JC_CIPHER_SIZE, 0);
    server->cipher_at = 0;
    server->cipher_end = got > 0 ? (size_t)got : 0;
    return got < 0 ? -errno : got;
}

static void explain(const struct jc_connection *connection, char *reason, size_t size)
{
    long verified = SSL_get_verify_result(connection->ssl);
    char text[160];
    jw_tls_reason(text, sizeof text);
    if (verified != X509_V_OK)
        snprintf(reason, size, "client certificate refused: %s", X509_verify_cert_error_string(verified));
    else
        snprintf(reason, size, "TLS handshake failed: %s", text);
}

int jc_transport_shake(struct jc_connection *connection, char *reason, size_t size)
{
    if (connection->ssl == NULL && !make_ssl(connection)) {
        ERR_clear_error();
        snprintf(reason, size, "out of memory");
        return -EPROTO;
    }
    ERR_clear_error();
    int result = SSL_do_handshake(connection->ssl);
    if (result == 1)
        return 1;
    if (SSL_get_error(connection->ssl, result) == SSL_ERROR_WANT_READ)
        return 0;
    explain(connection, reason, size);
    return -EPROTO;
}

ssize_t jc_transport_read(struct jc_connection *connection, char *bytes, size_t capacity)
{
    const struct jc_server *server = connection->server;
    size_t total = 0;
    while (total < capacity && (server->cipher_at < server->cipher_end || SSL_has_pending(connection->ssl))) {
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(connection->ssl, bytes + total, capacity - total, &got);
        total += got;
        if (result == 1)
            continue;
        int error = SSL_get_error(connection->ssl, result);
        if (error == SSL_ERROR_WANT_READ)
            break;
        ERR_clear_error();
        if (error != SSL_ERROR_ZERO_RETURN)
            return -EPROTO;
        connection->peer_closed = true;
        break;
    }
    return (ssize_t)total;
}

bool jc_transport_write(struct jc_connection *connection, const void *bytes, size_t length)
{
    size_t taken = 0;
    ERR_clear_error();
    if (SSL_write_ex(connection->ssl, bytes, length, &taken) == 1 && taken == length)
        return true;
    ERR_clear_error();
    return false;
}

static bool send_some(struct jc_connection *connection, struct jc_bytes *bytes)
{
    size_t length = jc_bytes_length(bytes);
    ssize_t put = send(connection->fd, bytes->data + bytes->start, length, MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    jc_bytes_consume(bytes, (size_t)put);
    return true;
}

static bool move(struct jc_bytes *from, struct jc_bytes *to)
{
    const size_t length = jc_bytes_length(from);
    if (length == 0)
        return true;
    if (!jc_bytes_reserve(to, length))
        return false;
    memcpy(to->data + to->end, from->data + from->start, length);
    to->end += length;
    from->start = from->end = 0;
    return true;
}

bool jc_transport_flush(struct jc_connection *connection)
{
    struct jc_bytes *wire = &connection->server->wire, *unsent = &connection->unsent;
    if (jc_bytes_length(wire) == 0)
        return true;
    const bool held = (jc_bytes_length(unsent) > 0 || send_some(connection, wire)) && move(wire, unsent);
    wire->start = wire->end = 0;
    return held;
}

bool jc_transport_send_rest(struct jc_connection *connection)
{
    struct jc_bytes *unsent = &connection->unsent;
    const size_t waiting = jc_bytes_length(unsent);
    const bool held = send_some(connection, unsent);
    if (jc_bytes_length(unsent) < waiting)
        connection->progress = true;
    if (jc_bytes_length(unsent) == 0)
        jc_bytes_free(unsent);
    return held;
}

void jc_transport_close(struct jc_connection *connection)
{
    ERR_clear_error();
    SSL_shutdown(connection->ssl);
    ERR_clear_error();
}

/// A session of a connection that ends without close_notify would be dropped from the cache; TLS 1.3 has no
/// reason for that (RFC 8446 section 6.1).
void jc_transport_free(struct jc_connection *connection)
{
    if (connection->ssl == NULL)
        return;
    if (connection->phase != JC_PHASE_SHAKING)
        SSL_set_shutdown(connection->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(connection->ssl);
    connection->ssl = NULL;
}
