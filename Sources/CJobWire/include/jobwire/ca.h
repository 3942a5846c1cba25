#ifndef JOBWIRE_CA_H
#define JOBWIRE_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JW_CA_TEXT_SIZE 512
/// The longest validity.
#define JW_CA_MOST_DAYS 36500
/// A serial in hexadecimal digits, upper case and two a byte, as OpenSSL's commands write it.
#define JW_CA_SERIAL_SIZE 65

/// Issues certificates with OpenSSL's library: P-256 keys, ECDSA with SHA-256, random 128-bit serials (RFC
/// 5280). Each function returns false and fills `error` with one line (file and reason) on failure. Keys are
/// written 0600, certificates and revocation lists 0644, all by rename so that no half-written file is ever
/// seen; files that exist are kept unless `force`. All files of one call are written, or none.
struct jw_ca_output {
    const char *_Nonnull certificate_file;
    const char *_Nullable key_file;   ///< NULL: the key is its owner's, elsewhere
    const char *_Nullable passphrase; ///< encrypts the key (PKCS #8, scrypt and AES-256-CBC)
    /// A directory where the certificate is kept as SERIAL.crt too; made when it is not there.
    const char *_Nullable records;
    const char *_Nullable bundle_file; ///< PKCS #12: key, certificate and authority
    const char *_Nullable bundle_password;
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

/// Whether a file of PEM has a private key that is encrypted. Not of what can't be read, or is read once
/// only, as a pipe.
bool jw_ca_is_encrypted(const char *_Nonnull key_file);

struct jw_ca_authority {
    const char *_Nonnull certificate_file, *_Nonnull key_file;
    const char *_Nullable passphrase; ///< the key's; NULL: it is not encrypted
};

enum jw_ca_use { JW_CA_SERVER, JW_CA_CLIENT };
struct jw_ca_request {
    struct jw_ca_authority authority;
    enum jw_ca_use use; ///< extendedKeyUsage serverAuth or clientAuth
    const char *_Nonnull common_name;
    const char *_Nullable const
        *_Nullable hosts; ///< servers: DNS names and IP addresses for SAN; NULL-terminated
    /// A certification request (PKCS #10, PEM) whose public key it is for, and nothing else of which counts;
    /// NULL: a new key.
    const char *_Nullable signing_request_file;
    /// Validity in seconds from now; a negative `not_after` makes an expired one (for tests).
    long not_before_s, not_after_s;
};
bool jw_ca_issue(const struct jw_ca_request *_Nonnull request, const struct jw_ca_output *_Nonnull output,
                 char error[_Nonnull JW_CA_TEXT_SIZE]) __attribute__((warn_unused_result));

struct jw_ca_renewal {
    struct jw_ca_authority authority;
    const char *_Nonnull certificate_file; ///< whose subject, use, hosts and public key the new one has
    long not_before_s, not_after_s;
};
bool jw_ca_renew(const struct jw_ca_renewal *_Nonnull renewal, const struct jw_ca_output *_Nonnull output,
                 char error[_Nonnull JW_CA_TEXT_SIZE]) __attribute__((warn_unused_result));

/// What a certificate says.
struct jw_ca_facts {
    bool issued;                ///< signed by the authority, and not the authority's own
    char name[JW_CA_TEXT_SIZE]; ///< the common name; empty: it has none
    char serial[JW_CA_SERIAL_SIZE];
    char key[JW_CA_SERIAL_SIZE]; ///< SHA-256 of the public key
    bool for_servers, for_clients;
    int64_t not_before, not_after; ///< seconds since 1970
};
bool jw_ca_read(const char *_Nonnull authority_file, const char *_Nonnull file,
                struct jw_ca_facts *_Nonnull facts, char error[_Nonnull JW_CA_TEXT_SIZE])
    __attribute__((warn_unused_result));

/// Whether a file has a certificate that a client takes for `host`, a name or an address. Not of what can't
/// be read.
bool jw_ca_has_host(const char *_Nonnull file, const char *_Nonnull host);

/// The names and addresses that a file's certificate is for, one after the other. None of what can't be read.
void jw_ca_each_host(const char *_Nonnull file,
                     void (*_Nonnull each)(void *_Nonnull context, const char *_Nonnull host),
                     void *_Nonnull context);

/// Adds to the list in `file`, made when it is not there, what it does not have of `serials`; valid until the
/// authority is not. Who writes at the same time waits. `reason`: of RFC 5280, section 5.3.1; 0: none.
/// Lists of other authorities in the file stay as they are. `record`: a copy of the authority's own list,
/// from which it is put together again where the file was lost; NULL: there is none.
bool jw_ca_revoke(const struct jw_ca_authority *_Nonnull authority, const char *_Nonnull file,
                  const char *_Nullable record, const char *_Nullable const *_Nonnull serials, int reason,
                  char error[_Nonnull JW_CA_TEXT_SIZE]) __attribute__((warn_unused_result));
/// Tells what the authority has revoked by the lists in a file; nothing where there is no file. `seconds`
/// since 1970.
bool jw_ca_revocations(const char *_Nonnull authority_file, const char *_Nonnull file,
                       void (*_Nonnull tell)(void *_Nonnull context, const char *_Nonnull serial,
                                             int64_t seconds),
                       void *_Nonnull context, char error[_Nonnull JW_CA_TEXT_SIZE])
    __attribute__((warn_unused_result));

#endif
