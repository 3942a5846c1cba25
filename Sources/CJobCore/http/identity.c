#include "tls_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <platform/utf8.h>
#include <string.h>

#define CHARACTERS 64

static const char *check(const unsigned char *text, size_t length)
{
    size_t characters = 0;
    if (length == 0)
        return "the certificate's common name is empty";
    for (size_t at = 0; at < length; characters++) {
        const size_t step = jp_utf8_length(text + at, length - at);
        if (step == 0 || jp_utf8_is_control(text + at))
            return "the certificate's common name holds a control character or is not UTF-8";
        at += step;
    }
    return characters > CHARACTERS ? "the certificate's common name is longer than 64 characters" : NULL;
}

/// From here on: 0, or -EACCES and `*why`.
static int common_name(const X509 *certificate, char name[JC_NAME_MAX], const char **why)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    *why = "the certificate's subject has no common name";
    if (index < 0)
        return -EACCES;
    *why = "the certificate's subject has more than one common name";
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0)
        return -EACCES;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    const int type = ASN1_STRING_type(value);
    *why = "the certificate's common name is neither a UTF8String nor a PrintableString";
    if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING)
        return -EACCES;
    const size_t length = (size_t)ASN1_STRING_length(value);
    *why = check(ASN1_STRING_get0_data(value), length);
    if (*why != NULL)
        return -EACCES;
    memcpy(name, ASN1_STRING_get0_data(value), length);
    name[length] = '\0';
    return 0;
}

static const ASN1_IA5STRING *only_uri(const GENERAL_NAMES *names, const char **why)
{
    const ASN1_IA5STRING *uri = NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        *why = "the certificate has more than one URI among its alternative names";
        if (uri != NULL)
            return NULL;
        uri = name->d.uniformResourceIdentifier;
    }
    if (uri == NULL)
        *why = "the certificate has no URI among its alternative names";
    return uri;
}

static int copy_uri(const ASN1_IA5STRING *uri, char name[JC_NAME_MAX], const char **why)
{
    const size_t length = (size_t)ASN1_STRING_length(uri);
    const unsigned char *text = ASN1_STRING_get0_data(uri);
    *why = "the certificate's URI is empty, or longer than 2048 bytes";
    if (length == 0 || length >= JC_NAME_MAX)
        return -EACCES;
    *why = "the certificate's URI holds what no URI does (RFC 3986)";
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}", text[i]) != NULL)
            return -EACCES;
    *why = "the certificate's URI names no scheme";
    const unsigned char *colon = memchr(text, ':', length);
    if (colon == NULL || colon == text)
        return -EACCES;
    memcpy(name, text, length);
    name[length] = '\0';
    return 0;
}

static int uri(const X509 *certificate, char name[JC_NAME_MAX], const char **why)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    const ASN1_IA5STRING *found = only_uri(names, why);
    const int status = found != NULL ? copy_uri(found, name, why) : -EACCES;
    GENERAL_NAMES_free(names);
    return status;
}

static int name_of(const X509 *certificate, enum jc_identity kind, char name[JC_NAME_MAX], const char **why)
{
    return (kind == JC_IDENTITY_URI ? uri : common_name)(certificate, name, why);
}

static int serial(const X509 *certificate, char text[JC_SERIAL_MAX])
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = number != NULL ? BN_bn2hex(number) : NULL;
    const bool fits = digits != NULL && strlen(digits) < JC_SERIAL_MAX;
    if (fits)
        strcpy(text, digits);
    OPENSSL_free(digits);
    BN_free(number);
    return fits ? 0 : -EACCES;
}

static int fingerprint(const X509 *certificate, char text[JC_FINGERPRINT_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1)
        return -EACCES;
    jw_tls_hex(digest, length, false, text);
    return 0;
}

void jc_identity_show(const X509 *certificate, enum jc_identity kind, struct jc_peer_text *peer)
{
    const char *why = NULL;
    peer->name[0] = peer->serial[0] = peer->fingerprint[0] = '\0';
    if (certificate == NULL)
        return;
    (void)name_of(certificate, kind, peer->name, &why);
    (void)serial(certificate, peer->serial);
}

void jc_identity_keep_name(SSL *ssl)
{
    // A resumed session shares its certificate with others.
    if (SSL_session_reused(ssl))
        return;
    EVP_PKEY *key = X509_get0_pubkey(SSL_get0_peer_certificate(ssl));
    if (key != NULL)
        (void)EVP_PKEY_set_type(key, EVP_PKEY_EC);
    // An authority of its own is at hand; those between it and the client are looked at again.
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    for (int i = sk_X509_num(chain) - 1; i >= 0; i--) {
        const X509 *other = sk_X509_value(chain, i);
        if (X509_NAME_cmp(X509_get_subject_name(other), X509_get_issuer_name(other)) == 0)
            X509_free(sk_X509_delete(chain, i));
    }
}

int64_t jc_identity_until(SSL *ssl)
{
    int64_t until = jw_tls_seconds(X509_get0_notAfter(SSL_get0_peer_certificate(ssl)));
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const int64_t other = jw_tls_seconds(X509_get0_notAfter(sk_X509_value(chain, i)));
        if (other < until)
            until = other;
    }
    return until;
}

int jc_identity(SSL *ssl, enum jc_identity kind, struct jc_peer_text *peer, const char **why)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    *why = "the client showed no certificate";
    if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
        return -EACCES;
    // A resumed session is not verified again: its certificate may have expired since.
    *why = "the client's certificate has expired";
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return -EACCES;
    const int status = name_of(certificate, kind, peer->name, why);
    if (status < 0)
        return status;
    *why = "the certificate has no serial number that can be told";
    return serial(certificate, peer->serial) == 0 ? fingerprint(certificate, peer->fingerprint) : -EACCES;
}
