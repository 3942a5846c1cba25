#ifndef JOBCORE_TLS_PRIVATE_H
#define JOBCORE_TLS_PRIVATE_H

#include "transport.h"
#include <jobcore/server.h>
#include <openssl/ssl.h>

/// The context of `jc_tls_transport`.
struct jc_tls {
    SSL_CTX *ctx;
    char *revocations; ///< the file's name, or NULL
    enum jc_identity identity;
    bool lists_are_partial;
    BIO_METHOD *method; ///< of the BIO between a connection and its server's buffers
};

BIO_METHOD *jc_tls_bio_method(void);

/// Add what is in PEM to a store. False: there is none, or it cannot be used; why is in OpenSSL's queue of
/// errors.
bool jc_trust_add_authorities(X509_STORE *store, BIO *bio);
bool jc_trust_add_revocations(X509_STORE *store, BIO *bio);
/// Whether one of the lists was signed by one of the authorities.
bool jc_trust_has_own_list(X509_STORE *store);
/// In a verification's callback: whether all that is wrong is that the authority has no list, which is then
/// wrong no more.
bool jc_trust_passes_without_list(X509_STORE_CTX *context);
/// Why a connection's client would not be let in; NULL: it would.
const char *jc_trust_refuses(const struct jc_trust *trust, SSL *ssl);

/// Who a verified peer is, also of a resumed session. 0, or -EACCES and `*why`.
int jc_identity(SSL *ssl, enum jc_identity kind, struct jc_peer_text *peer, const char **why)
    __attribute__((warn_unused_result));
/// What a certificate says that is not let in: its name and serial number, empty where it has none that can
/// be told. NULL: there is none.
void jc_identity_show(const X509 *certificate, enum jc_identity kind, struct jc_peer_text *peer);
/// Until when a verified peer's certificate, and those between it and the authority, are valid: seconds since
/// 1970.
int64_t jc_identity_until(SSL *ssl);
/// Frees what has done its duty in the handshake, and would take memory as long as the connection, or its
/// session in the cache, lives: the key of a verified peer's certificate, and authorities of their own.
void jc_identity_keep_name(SSL *ssl);

#endif
