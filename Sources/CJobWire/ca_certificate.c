#include "ca_private.h"

#include <openssl/bn.h>
#include <openssl/err.h>

#define SERIAL_BITS 128

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool set = number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

/// An authority can't vouch beyond its own end, so neither does the certificate claim to be valid then.
static bool set_validity(X509 *certificate, const struct jw_ca_contents *contents)
{
    ASN1_TIME *end = X509_getm_notAfter(certificate);
    if (X509_gmtime_adj(X509_getm_notBefore(certificate), contents->not_before_s) == NULL ||
        X509_gmtime_adj(end, contents->not_after_s) == NULL)
        return false;
    if (contents->issuer == NULL)
        return true;
    const ASN1_TIME *most = X509_get0_notAfter(contents->issuer);
    return ASN1_TIME_compare(end, most) <= 0 || X509_set1_notAfter(certificate, most) == 1;
}

static bool add_text(X509 *certificate, X509V3_CTX *context, int nid, const char *text)
{
    if (text == NULL)
        return true;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, text);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_extensions(X509 *certificate, const struct jw_ca_contents *contents)
{
    X509V3_CTX context = {0};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, contents->issuer != NULL ? contents->issuer : certificate, certificate, NULL,
                   NULL, 0);
    return add_text(certificate, &context, NID_basic_constraints, contents->basic_constraints) &&
           add_text(certificate, &context, NID_key_usage, contents->key_usage) &&
           add_text(certificate, &context, NID_ext_key_usage, contents->extended_key_usage) &&
           add_text(certificate, &context, NID_subject_key_identifier, "hash") &&
           add_text(certificate, &context, NID_authority_key_identifier, "keyid:always") &&
           (contents->hosts == NULL ||
            X509_add1_ext_i2d(certificate, NID_subject_alt_name, contents->hosts, 0, 0) == 1);
}

static bool fill(X509 *certificate, const struct jw_ca_contents *contents)
{
    X509_NAME *issuer = contents->issuer != NULL ? X509_get_subject_name(contents->issuer) : contents->name;
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_set_subject_name(certificate, contents->name) == 1 &&
           X509_set_issuer_name(certificate, issuer) == 1 && set_validity(certificate, contents) &&
           X509_set_pubkey(certificate, contents->key) == 1 && add_extensions(certificate, contents) &&
           X509_sign(certificate, contents->sign_key, EVP_sha256()) > 0;
}

X509 *jw_ca_certificate(const struct jw_ca_contents *contents, char *error)
{
    ERR_clear_error();
    X509 *certificate = X509_new();
    if (certificate != NULL && fill(certificate, contents))
        return certificate;
    (void)jw_ca_fail_ssl(error, "cannot make the certificate");
    X509_free(certificate);
    return NULL;
}
