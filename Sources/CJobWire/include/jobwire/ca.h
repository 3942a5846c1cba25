#ifndef JOBWIRE_CA_H
#define JOBWIRE_CA_H

#include <stdbool.h>
#include <stddef.h>

#define JW_CA_TEXT_SIZE 512
/// The longest validity.
#define JW_CA_MOST_DAYS 36500

/// Issues certificates with OpenSSL's library: P-256 keys, ECDSA with SHA-256, random 128-bit serials (RFC
/// 5280). Each function returns false and fills `error` with one line (file and reason) on failure. Keys are
/// written 0600, certificates 0644, both by rename so that no half-written file is ever seen; files that
/// exist are kept unless `force`.
struct jw_ca_output {
    const char *_Nonnull certificate_file, *_Nonnull key_file;
    bool force;
};

/// A self-signed authority: basicConstraints CA:TRUE, pathlen 0; keyUsage keyCertSign, cRLSign.
bool jw_ca_create(const char *_Nonnull common_name, unsigned days, const struct jw_ca_output *_Nonnull output,
                  char error[_Nonnull JW_CA_TEXT_SIZE]) __attribute__((warn_unused_result));

/// Whether it can be a common name; a host of a server's certificate.
bool jw_ca_check_name(const char *_Nonnull common_name, char error[_Nonnull JW_CA_TEXT_SIZE])
    __attribute__((warn_unused_result));
bool jw_ca_check_host(const char *_Nonnull host, char error[_Nonnull JW_CA_TEXT_SIZE])
    __attribute__((warn_unused_result));

enum jw_ca_use { JW_CA_SERVER, JW_CA_CLIENT };
struct jw_ca_request {
    const char *_Nonnull ca_certificate_file, *_Nonnull ca_key_file;
    enum jw_ca_use use; ///< extendedKeyUsage serverAuth or clientAuth
    const char *_Nonnull common_name;
    const char *_Nullable const
        *_Nullable hosts; ///< servers: DNS names and IP addresses for SAN; NULL-terminated
    /// Validity in seconds from now; a negative `not_after` makes an expired one (for tests).
    long not_before_s, not_after_s;
};
bool jw_ca_issue(const struct jw_ca_request *_Nonnull request, const struct jw_ca_output *_Nonnull output,
                 char error[_Nonnull JW_CA_TEXT_SIZE]) __attribute__((warn_unused_result));

#endif
