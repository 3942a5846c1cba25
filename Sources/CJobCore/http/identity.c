#include "tls_private.h"

#include <errno.h>
#include <openssl/x509.h>
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
    return (int)length;
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
    int64_t until = jc_time_of(X509_get0_notAfter(SSL_get0_peer_certificate(ssl)));
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const int64_t other = jc_time_of(X509_get0_notAfter(sk_X509_value(chain, i)));
        if (other < until)
            until = other;
    }
    return until;
}

int jc_identity(SSL *ssl, char name[JC_NAME_MAX], const char **why)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    *why = "the client showed no certificate";
    if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
        return -EACCES;
    // A resumed session is not verified again: its certificate may have expired since.
    *why = "the client's certificate has expired";
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return -EACCES;
    return common_name(certificate, name, why);
}
