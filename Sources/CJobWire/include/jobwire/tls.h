#ifndef JOBWIRE_TLS_H
#define JOBWIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What client and server have in common of TLS. OpenSSL's types by their tags, so that no header of its own
/// is needed here.
struct ssl_st;
struct ssl_ctx_st;
struct bio_st;
struct bio_method_st;
struct asn1_string_st;

/// Limits a context to TLS 1.3 and RFC 8446 section 9.1's suites, AES-128-GCM preferred, groups X25519 and
/// P-256. False: `error` says why.
bool jw_tls_limit(struct ssl_ctx_st *_Nonnull ctx, char *_Nonnull error, size_t error_size)
    __attribute__((warn_unused_result));
/// The same, and loads PEM certificate chain and key (checked to match). False: `error` says which file and
/// why.
bool jw_tls_configure(struct ssl_ctx_st *_Nonnull ctx, const char *_Nonnull certificate_file,
                      const char *_Nonnull key_file, char *_Nonnull error, size_t error_size)
    __attribute__((warn_unused_result));
/// Loads them for one session of a limited context. `passphrase`: the key's; NULL: it has none.
bool jw_tls_identify(struct ssl_st *_Nonnull ssl, const char *_Nonnull certificate_file,
                     const char *_Nonnull key_file, const char *_Nullable passphrase, char *_Nonnull error,
                     size_t error_size) __attribute__((warn_unused_result));
/// What a connection's bytes come and go by; of the data that `jw_tls_session` is given. NULL without memory;
/// freed by OpenSSL's function for it, after its sessions.
struct bio_method_st *_Nullable jw_tls_bio_method(
    int (*_Nonnull read)(struct bio_st *_Nonnull bio, char *_Nonnull bytes, int length),
    int (*_Nonnull write)(struct bio_st *_Nonnull bio, const char *_Nonnull bytes, int length));
/// NULL without memory.
struct ssl_st *_Nullable jw_tls_session(struct ssl_ctx_st *_Nonnull ctx,
                                        const struct bio_method_st *_Nonnull method, void *_Nonnull data);
/// A password callback of OpenSSL (pem_password_cb) that has none: its own would ask the terminal.
int jw_tls_no_password(char *_Nullable buffer, int size, int writing, void *_Nullable context);
/// One that has the C string that `context` is; NULL: none.
int jw_tls_passphrase(char *_Nonnull buffer, int size, int writing, void *_Nullable context);
/// "<what> <file>: <reason>" into `error`, with OpenSSL's reason as below. False, to be returned.
bool jw_tls_fail(char *_Nonnull error, size_t size, const char *_Nonnull what, const char *_Nonnull file);
/// The reason of OpenSSL's oldest queued error, in words; clears the queue.
void jw_tls_reason(char *_Nonnull text, size_t size);
/// Two digits a byte, and a NUL.
void jw_tls_hex(const unsigned char *_Nonnull bytes, size_t length, bool upper, char *_Nonnull text);
/// An ASN1_TIME as seconds since 1970; NULL, or one that is none: 0.
int64_t jw_tls_seconds(const struct asn1_string_st *_Nullable time);

#endif
