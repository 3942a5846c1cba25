#define _GNU_SOURCE
#include "client_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>

static SSL_CTX *fail_context(SSL_CTX *ctx, struct jw_error *error)
{
    SSL_CTX_free(ctx);
    error->kind = JW_FAIL_FILES;
    return NULL;
}

SSL_CTX *jw_client_context(const struct jw_client_options *options, struct jw_error *error)
{
    // The system's configuration is for other programs, and reading it takes longer than the handshake.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        jw_tls_reason(error->text, sizeof error->text);
        return fail_context(ctx, error);
    }
    if (!jw_tls_configure(ctx, options->certificate_file, options->key_file, error->text, sizeof error->text))
        return fail_context(ctx, error);
    if (SSL_CTX_load_verify_file(ctx, options->ca_file) != 1) {
        char reason[256];
        jw_tls_reason(reason, sizeof reason);
        jw_set_error(error, JW_FAIL_FILES, "cannot use the authority's certificate %s: %s", options->ca_file,
                     reason);
        return fail_context(ctx, error);
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    return ctx;
}

static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    if (is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

/// The alerts by which a server refuses a certificate (RFC 8446, section 6.2).
static bool is_refusal(unsigned long code)
{
    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        return false;
    switch (ERR_GET_REASON(code)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

/// Words for a call that failed for good. `number`: errno as the call left it.
static void explain(struct jw_transport *transport, int result, int number, bool started,
                    struct jw_error *error)
{
    unsigned long code = ERR_peek_error();
    long verified = SSL_get_verify_result(transport->ssl);
    char reason[256];
    jw_tls_reason(reason, sizeof reason);
    if (is_refusal(code))
        jw_set_error(error, JW_FAIL_REFUSED, "the server refused this client's certificate: %s", reason);
    else if (verified != X509_V_OK)
        jw_set_error(error, JW_FAIL_UNTRUSTED, "the server's certificate is not trusted: %s",
                     X509_verify_cert_error_string(verified));
    else if (result == SSL_ERROR_SYSCALL && code == 0)
        jw_set_error(error, JW_FAIL_CLOSED, "the connection ended%s%s%s", number != 0 ? ": " : "",
                     number != 0 ? strerrordesc_np(number) : "", started ? " in the middle of a reply" : "");
    else if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        jw_set_error(error, JW_FAIL_CLOSED, "the connection ended%s",
                     started ? " in the middle of a reply" : "");
    else
        jw_set_error(error, JW_FAIL_PROTOCOL, "TLS failed: %s", reason);
}

/// After a call of OpenSSL's that did not succeed: true when it is to be called again.
static bool again(struct jw_transport *transport, int returned, int64_t deadline, bool started,
                  struct jw_error *error)
{
    int number = errno, result = SSL_get_error(transport->ssl, returned);
    if (result != SSL_ERROR_WANT_READ && result != SSL_ERROR_WANT_WRITE) {
        explain(transport, result, number, started, error);
        return false;
    }
    int ready = jw_wait(transport->socket, transport->interrupt,
                        result == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline);
    if (ready == 0)
        jw_set_error(error, JW_FAIL_TIMEOUT, "the server did not answer in time");
    else if (ready < 0)
        jw_set_error(error, JW_FAIL_CLOSED, "interrupted");
    return ready > 0;
}

bool jw_handshake(struct jw_transport *transport, const struct jw_client_options *options, int64_t deadline,
                  struct jw_error *error)
{
    const char *name = options->server_name != NULL ? options->server_name : options->host;
    if (!expect_name(transport->ssl, name) || SSL_set_fd(transport->ssl, transport->socket) != 1) {
        jw_set_error(error, JW_FAIL_CONNECT, "%s is not a name or address that TLS can check", name);
        return false;
    }
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int returned = SSL_connect(transport->ssl);
        if (returned == 1)
            return true;
        if (!again(transport, returned, deadline, false, error))
            return false;
    }
}

bool jw_send(struct jw_transport *transport, const char *bytes, size_t length, struct jw_error *error)
{
    while (length > 0) {
        size_t written = 0;
        ERR_clear_error();
        errno = 0;
        int returned = SSL_write_ex(transport->ssl, bytes, length, &written);
        if (returned != 1 && !again(transport, returned, jw_deadline(transport->io_ms), false, error))
            return false;
        bytes += written;
        length -= written;
    }
    return true;
}

ssize_t jw_receive(struct jw_transport *transport, char *bytes, size_t capacity, bool started,
                   struct jw_error *error)
{
    for (;;) {
        size_t count = 0;
        ERR_clear_error();
        errno = 0;
        int returned = SSL_read_ex(transport->ssl, bytes, capacity, &count);
        if (returned == 1)
            return (ssize_t)count;
        if (SSL_get_error(transport->ssl, returned) == SSL_ERROR_ZERO_RETURN)
            return 0;
        if (!again(transport, returned, jw_deadline(transport->io_ms), started, error))
            return -1;
    }
}
