#ifndef JOBWIRE_TLS_H
#define JOBWIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>

/// What client and server contexts have in common. Typed void so that no OpenSSL header is needed here.
typedef void jw_ssl_ctx;

/// Limits a context to TLS 1.3 and RFC 8446 section 9.1's suites, AES-128-GCM preferred, groups X25519 and
/// P-256, and loads PEM certificate chain and key (checked to match). False: `error` says which file and why.
bool jw_tls_configure(jw_ssl_ctx *_Nonnull ctx, const char *_Nonnull certificate_file,
                      const char *_Nonnull key_file, char *_Nonnull error, size_t error_size)
    __attribute__((warn_unused_result));
/// The reason of OpenSSL's oldest queued error, in words; clears the queue.
void jw_tls_reason(char *_Nonnull text, size_t size);

#endif
