#include "loadgen.h"
#include "meter.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

/* Called for each ticket, from SSL_read. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct connection *c = tls_connection(ssl);
    SSL_SESSION_free(c->session);
    c->session = session;
    c->ticketed = true;
    return 1;
}

SSL_CTX *tls_make(const struct options *o)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(tls, o->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, o->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(tls, o->authority, NULL) != 1 ||
        SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(tls, "X25519") != 1)
        fail("TLS: %s", ERR_reason_error_string(ERR_get_error()));
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, keep_session);
    return tls;
}

void tls_fail(const struct connection *c, const char *what, int result)
{
    int error = SSL_get_error(c->ssl, result), number = errno;
    unsigned long code = ERR_get_error();
    const char *reason = code                         ? ERR_reason_error_string(code)
                         : error == SSL_ERROR_SYSCALL ? strerror(number)
                                                      : NULL;
    fail("connection %d: %s: %s", c->number, what, reason ? reason : "the server closed it");
}

struct connection *tls_connection(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

void tls_attach(struct connection *c)
{
    c->ssl = SSL_new(c->load->tls);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
        fail("TLS: %s", ERR_reason_error_string(ERR_get_error()));
    SSL_set_app_data(c->ssl, c);
    SSL_set_connect_state(c->ssl);
    /* As many records as came with one call. */
    SSL_set_read_ahead(c->ssl, 1);
    SSL_set_default_read_buffer_len(c->ssl, c->load->options.connections > 1000 ? 4096 : 65536);
}
