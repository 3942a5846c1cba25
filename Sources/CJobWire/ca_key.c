#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LEAST_RSA_BITS 2048

EVP_PKEY *jw_ca_new_key(char *error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        (void)jw_ca_fail_ssl(error, "cannot make a P-256 key");
    return key;
}

/// NULL with `error` set.
static FILE *open_pem(const char *what, const char *path, char *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        (void)jw_ca_fail(error, "cannot read the %s %s: %s", what, path, strerrordesc_np(errno));
    ERR_clear_error();
    return file;
}

static void close_pem(FILE *file, bool was_read, const char *what, const char *path, char *error)
{
    char reason[256];
    fclose(file);
    jw_tls_reason(reason, sizeof reason);
    if (!was_read)
        (void)jw_ca_fail(error, "cannot use the %s %s: %s", what, path, reason);
}

X509 *jw_ca_load_certificate(const char *what, const char *path, char *error)
{
    FILE *file = open_pem(what, path, error);
    if (file == NULL)
        return NULL;
    X509 *certificate = PEM_read_X509(file, NULL, jw_tls_no_password, NULL);
    close_pem(file, certificate != NULL, what, path, error);
    return certificate;
}

bool jw_ca_is_encrypted(const char *path)
{
    struct stat status;
    char *name = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long length = 0;
    bool encrypted = false;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
    while (file != NULL && !encrypted && PEM_read(file, &name, &header, &bytes, &length) == 1) {
        encrypted = strcmp(name, PEM_STRING_PKCS8) == 0 || strstr(header, "ENCRYPTED") != NULL;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(bytes, (size_t)length);
    }
    ERR_clear_error();
    if (file != NULL)
        fclose(file);
    return encrypted;
}

static EVP_PKEY *load_key(const char *path, const char *passphrase, char *error)
{
    const char *what = passphrase != NULL ? "authority's key, with this passphrase," : "authority's key";
    FILE *file = open_pem(what, path, error);
    if (file == NULL)
        return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, jw_tls_passphrase, (void *)passphrase);
    close_pem(file, key != NULL, what, path, error);
    return key;
}

static X509_REQ *load_request(const char *path, char *error)
{
    static const char what[] = "certification request";
    FILE *file = open_pem(what, path, error);
    if (file == NULL)
        return NULL;
    X509_REQ *request = PEM_read_X509_REQ(file, NULL, jw_tls_no_password, NULL);
    close_pem(file, request != NULL, what, path, error);
    return request;
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

EVP_PKEY *jw_ca_load(const struct jw_ca_authority *authority, X509 **out, char *error)
{
    const char *file = authority->certificate_file;
    X509 *certificate = jw_ca_load_certificate("authority's certificate", file, error);
    EVP_PKEY *key = certificate != NULL ? load_key(authority->key_file, authority->passphrase, error) : NULL;
    if (key != NULL && check_authority(certificate, key, file, error)) {
        *out = certificate;
        return key;
    }
    EVP_PKEY_free(key);
    X509_free(certificate);
    return NULL;
}

static bool check_kind(EVP_PKEY *key, const char *path, char *error)
{
    char curve[64] = "";
    const char *type = EVP_PKEY_get0_type_name(key);
    int is_explicit = 0;
    if (EVP_PKEY_is_a(key, "ED25519") ||
        (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= LEAST_RSA_BITS))
        return true;
    // RFC 5480, section 2.1.1: a curve has a name. One that is written out is refused by who verifies.
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
        (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0) &&
        EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
        !is_explicit)
        return true;
    return jw_ca_fail(error,
                      "the key of the request %s is %s%s%s of %d bits%s; allowed are P-256, P-384, Ed25519, "
                      "and RSA of %d bits or more",
                      path, type != NULL ? type : "of an unknown kind", curve[0] != '\0' ? " " : "", curve,
                      EVP_PKEY_get_bits(key), is_explicit ? ", with its curve written out" : "",
                      LEAST_RSA_BITS);
}

EVP_PKEY *jw_ca_requested_key(const char *path, char *error)
{
    X509_REQ *request = load_request(path, error);
    if (request == NULL)
        return NULL;
    EVP_PKEY *key = X509_REQ_get_pubkey(request);
    bool good = false;
    if (key == NULL)
        (void)jw_ca_fail_ssl(error, "cannot use the key of the certification request");
    else if (X509_REQ_verify(request, key) != 1)
        (void)jw_ca_fail(
            error,
            "the certification request %s is not signed with its own key: it was changed, or its "
            "sender does not have the key",
            path);
    else
        good = check_kind(key, path, error);
    ERR_clear_error();
    X509_REQ_free(request);
    if (good)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}
