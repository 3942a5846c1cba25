#include "tls_private.h"
#include <jobcore/server.h>

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

/// How long a session can be resumed. Its certificate's expiry is looked at again each time.
#define SESSION_SECONDS 3600
#define VERIFY_DEPTH 8

static bool trust(SSL_CTX *ctx, const struct jc_tls_options *options, char *error)
{
    ERR_clear_error();
    STACK_OF(X509_NAME) *names = NULL;
    if (SSL_CTX_load_verify_file(ctx, options->client_ca_file) != 1 ||
        (names = SSL_load_client_CA_file(options->client_ca_file)) == NULL)
        return jw_tls_fail(error, JC_ERROR_SIZE, "cannot use the client authorities",
                           options->client_ca_file);
    SSL_CTX_set_client_CA_list(ctx, names);
    if (options->crl_file == NULL)
        return true;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == NULL || X509_load_crl_file(lookup, options->crl_file, X509_FILETYPE_PEM) < 1)
        return jw_tls_fail(error, JC_ERROR_SIZE, "cannot use the revocation list", options->crl_file);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return true;
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
    SSL_CTX *ctx = tls->ctx = SSL_CTX_new(TLS_server_method());
    tls->method = jc_tls_bio_method();
    if (ctx == NULL || tls->method == NULL) {
        snprintf(error, JC_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    SSL_CTX_set_security_level(ctx, 2);
    if (!jw_tls_configure(ctx, options->certificate_file, options->key_file, error, JC_ERROR_SIZE))
        return -EINVAL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
    // Or the server's own chain would be built, and its signatures verified, in each handshake.
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    resume(ctx, options->session_cache);
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
    free(tls);
}
