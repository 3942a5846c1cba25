#include "tls_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

static int bio_read(BIO *bio, char *bytes, int length)
{
    const struct jc_transport *transport = BIO_get_data(bio);
    struct jc_wire *wire = transport->wire;
    size_t left = wire->in_end - wire->in_at;
    BIO_clear_retry_flags(bio);
    if (left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = left < (size_t)length ? left : (size_t)length;
    memcpy(bytes, wire->in + wire->in_at, taken);
    wire->in_at += taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
    const struct jc_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return jc_bytes_append(&transport->wire->out, bytes, (size_t)length) < 0 ? -1 : length;
}

BIO_METHOD *jc_tls_bio_method(void)
{
    return jw_tls_bio_method(bio_read, bio_write);
}

// Each operation leaves the thread's queue of errors empty, and those of a record do not look first whether
// it is: to clear an empty one costs more than to encrypt a status reply. Only SSL_get_error is misled by
// what is in it.

static void explain(const struct jc_wire *wire, char *reason, size_t size)
{
    char text[160];
    jw_tls_reason(text, sizeof text);
    if (wire->refusal[0] != '\0')
        snprintf(reason, size, "client certificate refused: %s", wire->refusal);
    else
        snprintf(reason, size, "TLS handshake failed: %s", text);
}

static int shake(struct jc_transport *transport, char *reason, size_t size)
{
    const struct jc_tls *tls = transport->wire->context;
    transport->wire->refusal[0] = '\0';
    jc_identity_show(NULL, tls->identity, &transport->wire->shown);
    // Made when the first bytes come: a peer that sends none costs no TLS state.
    if (transport->session == NULL)
        transport->session = jw_tls_session(tls->ctx, tls->method, transport);
    if (transport->session == NULL) {
        ERR_clear_error();
        snprintf(reason, size, "out of memory");
        return -EPROTO;
    }
    ERR_clear_error();
    int result = SSL_accept(transport->session);
    if (result == 1) {
        ERR_clear_error();
        return 1;
    }
    if (SSL_get_error(transport->session, result) == SSL_ERROR_WANT_READ)
        return 0;
    explain(transport->wire, reason, size);
    return -EPROTO;
}

static int peer(struct jc_transport *transport, struct jc_peer_text *text, const char **why)
{
    const struct jc_tls *tls = transport->wire->context;
    int status = jc_identity(transport->session, tls->identity, text, why);
    if (status == 0)
        jc_identity_keep_name(transport->session);
    else
        jc_identity_show(SSL_get0_peer_certificate(transport->session), tls->identity, text);
    ERR_clear_error();
    return status;
}

static int64_t peer_until(struct jc_transport *transport)
{
    return jc_identity_until(transport->session);
}

static const char *peer_refused(struct jc_transport *transport, const struct jc_trust *trust)
{
    return jc_trust_refuses(trust, transport->session);
}

static ssize_t read_all(struct jc_transport *transport, char *bytes, size_t capacity)
{
    const struct jc_wire *wire = transport->wire;
    SSL *ssl = transport->session;
    size_t total = 0;
    while (total < capacity && (wire->in_at < wire->in_end || SSL_has_pending(ssl))) {
        size_t got = 0;
        int result = SSL_read_ex(ssl, bytes + total, capacity - total, &got);
        total += got;
        if (result == 1)
            continue;
        if (SSL_want_read(ssl))
            break;
        int error = SSL_get_error(ssl, result);
        ERR_clear_error();
        if (error != SSL_ERROR_ZERO_RETURN)
            return -EPROTO;
        transport->peer_closed = true;
        break;
    }
    return (ssize_t)total;
}

static int write_all(struct jc_transport *transport, const void *bytes, size_t length)
{
    size_t taken = 0;
    if (SSL_write_ex(transport->session, bytes, length, &taken) == 1 && taken == length)
        return 0;
    ERR_clear_error();
    return -EPROTO;
}

static void say_goodbye(struct jc_transport *transport)
{
    SSL_shutdown(transport->session);
    ERR_clear_error();
}

/// A session of a connection that ends without close_notify would be dropped from the cache; TLS 1.3 has no
/// reason for that (RFC 8446 section 6.1).
static void free_session(struct jc_transport *transport)
{
    SSL *ssl = transport->session;
    if (ssl != NULL && SSL_is_init_finished(ssl))
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    transport->session = NULL;
}

const struct jc_transport_operations jc_tls_transport = {
    .shake = shake,
    .peer = peer,
    .peer_until = peer_until,
    .peer_refused = peer_refused,
    .read = read_all,
    .write = write_all,
    .close = say_goodbye,
    .free = free_session,
};
