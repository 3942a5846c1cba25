#define _GNU_SOURCE
#include "client_private.h"

#include <arpa/inet.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/// What one recv may bring: without it OpenSSL reads each record's head and its rest by a call each.
#define READ_AHEAD (128 << 10)

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    const struct jw_transport *transport = BIO_get_data(SSL_get_rbio(ssl));
    if (transport->sessions.directory >= 0)
        jw_sessions_keep(&transport->sessions, ssl, session);
    return 0;
}

SSL_CTX *jw_client_context(struct jw_error *error)
{
    // The system's configuration is for other programs, and reading it takes longer than the handshake.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const size_t size = sizeof error->text;
    error->kind = JW_FAIL_FILES;
    if (ctx == NULL) {
        jw_tls_reason(error->text, size);
        return NULL;
    }
    if (!jw_tls_limit(ctx, error->text, size)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_session);
    return ctx;
}

static bool trust(SSL *ssl, const struct jw_client_options *options, struct jw_error *error)
{
    const size_t size = sizeof error->text;
    error->kind = JW_FAIL_FILES;
    ERR_clear_error();
    return SSL_CTX_load_verify_file(SSL_get_SSL_CTX(ssl), options->ca_file) == 1 ||
           jw_tls_fail(error->text, size, "cannot use the authority's certificate", options->ca_file);
}

static bool identify(SSL *ssl, const struct jw_client_options *options, struct jw_error *error)
{
    error->kind = JW_FAIL_FILES;
    return jw_tls_identify(ssl, options->certificate_file, options->key_file, options->passphrase,
                           error->text, sizeof error->text);
}

static int verify_late(X509_STORE_CTX *context, void *options)
{
    struct jw_error error;
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (trust(ssl, options, &error))
        return X509_verify_cert(context);
    X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
    return 0;
}

static int identify_late(SSL *ssl, void *options)
{
    struct jw_error error;
    return identify(ssl, options, &error);
}

bool jw_identify(struct jw_transport *transport, const struct jw_client_options *options,
                 struct jw_error *error)
{
    SSL *ssl = transport->ssl;
    if (!jw_sessions_open(&transport->sessions, options) || !jw_sessions_resume(&transport->sessions, ssl))
        return identify(ssl, options, error) && trust(ssl, options, error);
    // The session is of the very bytes of these files: they were good, and a third of a command's time.
    SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(ssl), verify_late, (void *)options);
    SSL_set_cert_cb(ssl, identify_late, (void *)options);
    return true;
}

static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    if (is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    // RFC 9525: names are in subjectAltName, and a wildcard is a whole label.
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

/// What the alert by which a server refuses a certificate (RFC 8446, section 6.2) says, or NULL for another
/// failure. handshake_failure is one once this side is done: nothing else is left to object to.
static const char *refusal(unsigned long code, bool shaken)
{
    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        return NULL;
    switch (ERR_GET_REASON(code)) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "it was not issued by an authority that the server trusts";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "it has expired";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        return "it was revoked";
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return "it is not for use by a client";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "it did not get one";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        return "not acceptable";
    case SSL_R_TLSV1_ALERT_INTERNAL_ERROR:
        return "the server could not check it; the daemon's log says why";
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return "access denied";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return shaken ? "no reason given" : NULL;
    default:
        return NULL;
    }
}

void jw_explain_end(const struct jw_transport *transport, int number, bool started, struct jw_error *error)
{
    const char *where = started ? " in the middle of a reply" : "";
    if (number == 0)
        jw_set_error(error, JW_FAIL_CLOSED, "the server closed the connection%s", where);
    else if (transport->heard)
        jw_set_error(error, JW_FAIL_CLOSED, "the connection was lost%s: %s", where, strerrordesc_np(number));
    else // A reset discards what came before it: perhaps the alert that says why.
        jw_set_error(error, JW_FAIL_CLOSED,
                     "the connection was lost before any reply: %s; the server may have refused this "
                     "client's certificate",
                     strerrordesc_np(number));
}

/// A server says no more than this of a certificate that is not valid yet.
static void explain_bad(SSL *ssl, struct jw_error *error)
{
    const X509 *own = SSL_get_certificate(ssl);
    struct tm begin = {0};
    char text[32] = "its first day";
    if (own != NULL && ASN1_TIME_to_tm(X509_get0_notBefore(own), &begin) == 1)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &begin);
    jw_set_error(error, JW_FAIL_REFUSED,
                 "the server refused this client's certificate: bad certificate, or not valid yet by the "
                 "server's clock, which has to be past %s",
                 text);
}

/// Which clock is behind, where one is.
static const char *distrust(long verified)
{
    if (verified == X509_V_ERR_CERT_NOT_YET_VALID)
        return "it is not valid yet: is this host's clock behind?";
    return X509_verify_cert_error_string(verified);
}

void jw_explain(struct jw_transport *transport, int result, int number, bool started, struct jw_error *error)
{
    unsigned long code = ERR_peek_error();
    long verified = SSL_get_verify_result(transport->ssl);
    char reason[256];
    jw_tls_reason(reason, sizeof reason);
    const char *refused = refusal(code, transport->shaken);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE)
        explain_bad(transport->ssl, error);
    else if (refused != NULL)
        jw_set_error(error, JW_FAIL_REFUSED, "the server refused this client's certificate: %s", refused);
    else if (verified != X509_V_OK)
        jw_set_error(error, JW_FAIL_UNTRUSTED, "the server's certificate is not trusted: %s",
                     distrust(verified));
    else if (result == SSL_ERROR_SYSCALL && code == 0)
        jw_explain_end(transport, number, started, error);
    else
        jw_set_error(error, JW_FAIL_PROTOCOL, "TLS failed: %s", reason);
}

/// With the name and the file that the reader can do something about.
static void explain_distrust(SSL *ssl, const struct jw_client_options *options, const char *name,
                             struct jw_error *error)
{
    switch (SSL_get_verify_result(ssl)) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        jw_set_error(error, JW_FAIL_MISNAMED, "the server's certificate is not for %s", name);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        jw_set_error(error, JW_FAIL_UNTRUSTED,
                     "the server's certificate is not trusted: it was not issued by the authority in %s",
                     options->ca_file);
        break;
    }
}

bool jw_handshake(struct jw_transport *transport, const struct jw_client_options *options, int64_t deadline,
                  struct jw_error *error)
{
    const char *name = options->server_name != NULL ? options->server_name : options->host;
    if (!expect_name(transport->ssl, name)) {
        jw_set_error(error, JW_FAIL_CONNECT, "%s is not a name or address that TLS can check", name);
        return false;
    }
    if (jw_shake(transport, deadline, error))
        return true;
    if (error->kind == JW_FAIL_UNTRUSTED)
        explain_distrust(transport->ssl, options, name, error);
    return false;
}
