#ifndef JOBWIRE_CA_PRIVATE_H
#define JOBWIRE_CA_PRIVATE_H

#include <jobwire/ca.h>
#include <limits.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/types.h>

/// How far a validity begins in the past, for hosts whose clocks are behind.
#define JW_CA_BACKDATE_S 300

/// Fills `error` and is false, to be returned.
bool jw_ca_fail(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/// The same with OpenSSL's reason after it.
bool jw_ca_fail_ssl(char *error, const char *what);
/// "cannot <what> <path>: <errno in words>".
bool jw_ca_fail_file(char *error, const char *what, const char *path, int number);

/// A subject of one common name, as UTF8String. NULL with `error` set. To be freed by the caller.
X509_NAME *jw_ca_name(const char *common_name, char *error);
/// The hosts as DNS names and IP addresses. NULL with `error` set. To be freed by the caller.
GENERAL_NAMES *jw_ca_hosts(const char *const *hosts, char *error);

EVP_PKEY *jw_ca_new_key(char *error);
/// Of a certification request, when its signature is right and the key of a kind that is allowed. NULL with
/// `error` set.
EVP_PKEY *jw_ca_requested_key(const char *file, char *error);
/// NULL with `error` set. `what`: goes before the file's name in words.
X509 *jw_ca_load_certificate(const char *what, const char *file, char *error);
/// NULL with `error` set, also when the two do not belong together or the certificate is no authority's.
EVP_PKEY *jw_ca_load(const struct jw_ca_authority *authority, X509 **certificate, char *error);
/// Whether the authority signed it, and it is not the authority's own.
bool jw_ca_is_issued(X509 *certificate, X509 *authority);
/// Empty: it has none, or one that holds a NUL.
void jw_ca_common_name(X509 *certificate, char text[JW_CA_TEXT_SIZE]);
/// False: no serial has so many digits.
bool jw_ca_serial(const ASN1_INTEGER *serial, char text[JW_CA_SERIAL_SIZE]);

/// The revocation lists of a file; of one that is not there none.
bool jw_ca_read_lists(const char *path, STACK_OF(X509_CRL) * lists, char *error);
/// Whether a list of `path` is the authority's, in `own`. False with `error` set: it has the name and not the
/// key.
bool jw_ca_is_own_list(X509_CRL *list, X509 *authority, const char *path, bool *own, char *error);

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

/// A file that is to be.
struct jw_ca_file {
    const char *place;
    BIO *contents;
    mode_t mode;
    bool force;
    char draft[PATH_MAX]; ///< empty: nothing is beside the place
};
/// All of them or none, in their order.
bool jw_ca_publish(struct jw_ca_file *files, size_t count, char *error);
/// Writes what `output` asks for of a certificate that was made. `issuer`: NULL of an authority.
bool jw_ca_write(const struct jw_ca_output *output, X509 *certificate, EVP_PKEY *key, X509 *issuer,
                 char *error);

#endif
