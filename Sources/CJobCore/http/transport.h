#ifndef JOBCORE_TRANSPORT_H
#define JOBCORE_TRANSPORT_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct jc_connection;

/// TLS over the server's shared buffers: one recv fills `cipher`, all of which SSL_read takes; what OpenSSL
/// writes is collected in `wire` and leaves with one send. `wire` is empty again when a connection's turn
/// ends.
BIO_METHOD *jc_transport_method(void);

/// One recv. Bytes, 0 at the end, or a negative errno.
ssize_t jc_transport_receive(struct jc_connection *connection);
/// Goes on with the handshake. 1 when it is done, 0 when more is to come, or -EPROTO and `reason`.
int jc_transport_shake(struct jc_connection *connection, char *reason, size_t size);
/// Decrypts all that came. Bytes, or -EPROTO. Sets `peer_closed` at close_notify.
ssize_t jc_transport_read(struct jc_connection *connection, char *bytes, size_t capacity);
/// Encrypts into `wire`.
bool jc_transport_write(struct jc_connection *connection, const void *bytes, size_t length);
/// Sends `wire`; what the socket does not take waits in `unsent`. False when the connection is lost.
bool jc_transport_flush(struct jc_connection *connection);
/// Sends of `unsent` what the socket takes now. False when the connection is lost.
bool jc_transport_send_rest(struct jc_connection *connection);
/// Puts close_notify into `wire`.
void jc_transport_close(struct jc_connection *connection);
/// Frees what TLS holds; the socket stays.
void jc_transport_free(struct jc_connection *connection);

#endif
