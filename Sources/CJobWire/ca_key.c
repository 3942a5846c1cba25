#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

EVP_PKEY *jw_ca_new_key(char *error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        (void)jw_ca_fail_ssl(error, "cannot make a P-256 key");
    return key;
}

/// Reads the one of the two that is asked for.
static bool load(const char *path, X509 **certificate, EVP_PKEY **key, char *error)
{
    const char *what = certificate != NULL ? "certificate" : "key";
    char reason[256];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return jw_ca_fail(error, "cannot read the authority's %s %s: %s", what, path, strerrordesc_np(errno));
    ERR_clear_error();
    bool read = certificate != NULL ? PEM_read_X509(file, certificate, jw_tls_no_password, NULL) != NULL
                                    : PEM_read_PrivateKey(file, key, jw_tls_no_password, NULL) != NULL;
    fclose(file);
    jw_tls_reason(reason, sizeof reason);
    return read || jw_ca_fail(error, "cannot use the authority's %s %s: %s", what, path, reason);
}

static bool check_authority(X509 *certificate, EVP_PKEY *key, const char *path, char *error)
{
    ERR_clear_error();
    if (X509_check_private_key(certificate, key) != 1)
        return jw_ca_fail(error, "the authority's key does not belong to its certificate %s", path);
    if (X509_check_ca(certificate) != 1)
        return jw_ca_fail(error, "%s is not the certificate of an authority", path);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        return jw_ca_fail(error, "the authority's certificate %s has expired", path);
    return true;
}

EVP_PKEY *jw_ca_load(const char *certificate_file, const char *key_file, X509 **out, char *error)
{
    X509 *certificate = NULL;
    EVP_PKEY *key = NULL;
    if (load(certificate_file, &certificate, NULL, error) && load(key_file, NULL, &key, error) &&
        check_authority(certificate, key, certificate_file, error)) {
        *out = certificate;
        return key;
    }
    EVP_PKEY_free(key);
    X509_free(certificate);
    return NULL;
}
