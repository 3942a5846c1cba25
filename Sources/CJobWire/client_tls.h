#ifndef JOBWIRE_CLIENT_TLS_H
#define JOBWIRE_CLIENT_TLS_H

#include "client_private.h"
#include <openssl/ssl.h>

/// TLS over a socket; the calls block.
struct jw_transport {
    int socket;
    BIO_METHOD *method;
    SSL *ssl;
    unsigned io_ms;
    bool shaken; ///< the handshake is done, as far as this side knows
    bool heard;  ///< some bytes of a reply have come on this connection
};

/// The context for the options' files. NULL with `error`.
SSL_CTX *jw_client_context(const struct jw_client_options *options, struct jw_error *error);
bool jw_handshake(struct jw_transport *transport, const struct jw_client_options *options, int64_t deadline,
                  struct jw_error *error);
/// The handshake's calls of OpenSSL, until it is done.
bool jw_shake(struct jw_transport *transport, int64_t deadline, struct jw_error *error);
/// Words for a connection's end. `number` and `started` as below.
void jw_explain_end(const struct jw_transport *transport, int number, bool started, struct jw_error *error);
/// Words for a call of OpenSSL's that failed for good. `number`: errno as it left it. `started`: some of the
/// reply has come already.
void jw_explain(struct jw_transport *transport, int result, int number, bool started, struct jw_error *error);

#endif
