#include "tls_private.h"
#include <jobcore/server.h>

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// How long a session can be resumed. Its certificate's expiry is looked at again each time.
#define SESSION_SECONDS 3600
#define VERIFY_DEPTH 8

static bool load(X509_STORE *store, const char *file, bool (*add)(X509_STORE *store, BIO *bio),
                 const char *failure, char *error)
{
    ERR_clear_error();
    BIO *bio = BIO_new_file(file, "r");
    const bool is_added = bio != NULL && add(store, bio);
    if (!is_added)
        jw_tls_fail(error, JC_ERROR_SIZE, failure, file);
    BIO_free(bio);
    // Reading to the end of a file is an error to the reader.
    ERR_clear_error();
    return is_added;
}

/// What is none, such as a FIFO, might never end. One that is not there is told of where it is read.
static bool check_file(const char *file, char *error)
{
    struct stat info;
    if (file == NULL || stat(file, &info) < 0 || S_ISREG(info.st_mode))
        return true;
    snprintf(error, JC_ERROR_SIZE, "cannot use %s: it is no regular file", file);
    return false;
}

static bool check_files(const struct jc_tls_options *options, char *error)
{
    return check_file(options->certificate_file, error) && check_file(options->key_file, error) &&
           check_file(options->client_ca_file, error) && check_file(options->crl_file, error);
}

static bool trust(SSL_CTX *ctx, const struct jc_tls_options *options, char *error)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    if (!load(store, options->client_ca_file, jc_trust_add_authorities, "cannot use the client authorities",
              error))
        return false;
    if (options->crl_file != NULL &&
        !load(store, options->crl_file, jc_trust_add_revocations, "cannot use the revocation list", error))
        return false;
    if (options->crl_file != NULL && options->lists_are_partial && !jc_trust_has_own_list(store)) {
        snprintf(error, JC_ERROR_SIZE, "cannot use the revocation list %s: it is of none of the authorities",
                 options->crl_file);
        return false;
    }
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(options->client_ca_file));
    return true;
}

/// What its own side could not present: OpenSSL would tell so only to the clients.
static bool check_own(const SSL_CTX *ctx, const char *file, char *error)
{
    X509 *own = SSL_CTX_get0_certificate(ctx);
    const char *why = NULL;
    if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0)
        why = "it is not valid yet";
    else if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
        why = "it has expired";
    else if (X509_check_purpose(own, X509_PURPOSE_SSL_SERVER, 0) != 1)
        why = "it is no server's (its extended key usage lacks serverAuth)";
    if (why != NULL)
        snprintf(error, JC_ERROR_SIZE, "cannot use the certificate %s: %s", file, why);
    return why == NULL;
}

static bool is_of_list(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return true;
    default:
        return false;
    }
}

/// Says why a client is refused. What is wrong with the revocation list is not the client's fault: without
/// this OpenSSL would tell it that its certificate has expired when the list has.
static int on_verified(int is_good, X509_STORE_CTX *context)
{
    if (is_good)
        return 1;
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct jc_transport *transport = BIO_get_data(SSL_get_rbio(ssl));
    const struct jc_tls *tls = transport->wire->context;
    const X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    if (tls->lists_are_partial && jc_trust_passes_without_list(context))
        return 1;
    const int error = X509_STORE_CTX_get_error(context);
    char issuer[128] = "unknown";
    if (certificate != NULL)
        X509_NAME_oneline(X509_get_issuer_name(certificate), issuer, sizeof issuer);
    // Whose it is, not that of an authority at which the chain breaks.
    jc_identity_show(X509_STORE_CTX_get0_cert(context), tls->identity, &transport->wire->shown);
    const bool is_list = is_of_list(error) && tls->revocations != NULL;
    snprintf(transport->wire->refusal, sizeof transport->wire->refusal, "%s (issuer %s%s%s)",
             X509_verify_cert_error_string(error), issuer, is_list ? "; revocation list " : "",
             is_list ? tls->revocations : "");
    if (is_list)
        X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
    return 0;
}

/// Sessions stay in this context, so none outlives the authorities and the revocation list it was verified
/// by.
static void resume(SSL_CTX *ctx, size_t sessions)
{
    static const unsigned char name[] = "jobd";
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_id_context(ctx, name, sizeof name - 1);
    SSL_CTX_set_session_cache_mode(ctx, sessions > 0 ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
    SSL_CTX_sess_set_cache_size(ctx, (long)sessions);
    SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
}

static int set_up(struct jc_tls *tls, const struct jc_tls_options *options, char *error)
{
    if (!check_files(options, error))
        return -EINVAL;
    SSL_CTX *ctx = tls->ctx = SSL_CTX_new(TLS_server_method());
    tls->method = jc_tls_bio_method();
    if (ctx == NULL || tls->method == NULL) {
        snprintf(error, JC_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    tls->identity = options->identity;
    tls->lists_are_partial = options->lists_are_partial;
    SSL_CTX_set_security_level(ctx, 2);
    if (!jw_tls_configure(ctx, options->certificate_file, options->key_file, error, JC_ERROR_SIZE))
        return -EINVAL;
    if (!check_own(ctx, options->certificate_file, error))
        return -EINVAL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verified);
    SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
    // Or the server's own chain would be built, and its signatures verified, in each handshake.
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    // What came is in memory already: a record's head and the rest of it are taken from there at once.
    SSL_CTX_set_read_ahead(ctx, 1);
    resume(ctx, options->session_cache);
    if (options->crl_file != NULL && (tls->revocations = strdup(options->crl_file)) == NULL)
        return -ENOMEM;
    return trust(ctx, options, error) ? 0 : -EINVAL;
}

int jc_tls_new(const struct jc_tls_options *options, struct jc_tls **out, char error[JC_ERROR_SIZE])
{
    struct jc_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        snprintf(error, JC_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    int status = set_up(tls, options, error);
    if (status < 0)
        jc_tls_free(tls);
    else
        *out = tls;
    return status;
}

void jc_tls_free(struct jc_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->method);
    free(tls->revocations);
    free(tls);
}
