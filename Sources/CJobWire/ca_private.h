#ifndef JOBWIRE_CA_PRIVATE_H
#define JOBWIRE_CA_PRIVATE_H

#include <jobwire/ca.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/// Fills `error` and is false, to be returned.
bool jw_ca_fail(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/// The same with OpenSSL's reason after it.
bool jw_ca_fail_ssl(char *error, const char *what);

/// A subject of one common name, as UTF8String. NULL with `error` set. To be freed by the caller.
X509_NAME *jw_ca_name(const char *common_name, char *error);
/// The hosts as DNS names and IP addresses. NULL with `error` set. To be freed by the caller.
GENERAL_NAMES *jw_ca_hosts(const char *const *hosts, char *error);

EVP_PKEY *jw_ca_new_key(char *error);
/// NULL with `error` set, also when the two do not belong together or the certificate is no authority's.
EVP_PKEY *jw_ca_load(const char *certificate_file, const char *key_file, X509 **certificate, char *error);

struct jw_ca_contents {
    X509 *issuer;       ///< NULL: the certificate itself
    EVP_PKEY *key;      ///< the subject's
    EVP_PKEY *sign_key; ///< the issuer's
    X509_NAME *name;
    GENERAL_NAMES *hosts; ///< may be NULL
    const char *basic_constraints, *key_usage, *extended_key_usage;
    long not_before_s, not_after_s;
};
X509 *jw_ca_certificate(const struct jw_ca_contents *contents, char *error);

bool jw_ca_write(const struct jw_ca_output *output, X509 *certificate, EVP_PKEY *key, char *error);

#endif
