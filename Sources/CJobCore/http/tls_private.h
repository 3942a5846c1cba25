#ifndef JOBCORE_TLS_PRIVATE_H
#define JOBCORE_TLS_PRIVATE_H

#include "transport.h"
#include <openssl/ssl.h>

/// The context of `jc_tls_transport`.
struct jc_tls {
    SSL_CTX *ctx;
    BIO_METHOD *method; ///< of the BIO between a connection and its server's buffers
};

BIO_METHOD *jc_tls_bio_method(void);

/// The common name of a verified peer, also of a resumed session. Its length, or -EACCES and `*why`.
int jc_identity(SSL *ssl, char name[JC_NAME_MAX], const char **why) __attribute__((warn_unused_result));
/// Frees what has done its duty in the handshake, and would take memory as long as the connection, or its
/// session in the cache, lives: the key of a verified peer's certificate, and the other certificates it sent.
void jc_identity_keep_name(SSL *ssl);

#endif
