#include "tls_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

// Whose clients are let in: authorities, and what they have revoked.

bool jc_trust_add_authorities(X509_STORE *store, BIO *bio)
{
    X509 *certificate;
    int count = 0;
    while ((certificate = PEM_read_bio_X509(bio, NULL, jw_tls_no_password, NULL)) != NULL) {
        const bool is_added = X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
        if (!is_added)
            return false;
        count++;
    }
    return count > 0;
}

bool jc_trust_add_revocations(X509_STORE *store, BIO *bio)
{
    X509_CRL *list;
    int count = 0;
    while ((list = PEM_read_bio_X509_CRL(bio, NULL, jw_tls_no_password, NULL)) != NULL) {
        const bool is_added = X509_STORE_add_crl(store, list) == 1;
        X509_CRL_free(list);
        if (!is_added)
            return false;
        count++;
    }
    // Of the whole chain: an authority's own certificate can be revoked too.
    return count > 0 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

static bool is_signed(X509_CRL *list, STACK_OF(X509_OBJECT) * objects)
{
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority != NULL &&
            X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0 &&
            X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1)
            return true;
    }
    return false;
}

bool jc_trust_has_own_list(X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    bool has = false;
    for (int i = 0; !has && i < sk_X509_OBJECT_num(objects); i++) {
        X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        has = list != NULL && is_signed(list, objects);
    }
    ERR_clear_error();
    return has;
}

/// A list without a key identifier may be of any authority that has the name.
static bool may_be_of(const X509_CRL *list, const ASN1_OCTET_STRING *key)
{
    AUTHORITY_KEYID *own = X509_CRL_get_ext_d2i(list, NID_authority_key_identifier, NULL, NULL);
    const bool is_other =
        own != NULL && own->keyid != NULL && key != NULL && ASN1_OCTET_STRING_cmp(own->keyid, key) != 0;
    AUTHORITY_KEYID_free(own);
    return !is_other;
}

bool jc_trust_passes_without_list(X509_STORE_CTX *context)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    if (certificate == NULL || X509_STORE_CTX_get_error(context) != X509_V_ERR_UNABLE_TO_GET_CRL)
        return false;
    const ASN1_OCTET_STRING *key = X509_get0_authority_key_id(certificate);
    STACK_OF(X509_CRL) *lists = X509_STORE_CTX_get1_crls(context, X509_get_issuer_name(certificate));
    bool lacks = true;
    for (int i = 0; i < sk_X509_CRL_num(lists); i++)
        lacks = lacks && !may_be_of(sk_X509_CRL_value(lists, i), key);
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    if (lacks)
        X509_STORE_CTX_set_error(context, X509_V_OK);
    return lacks;
}

static int on_verified(int is_good, X509_STORE_CTX *context)
{
    return is_good || jc_trust_passes_without_list(context);
}

int jc_trust_new(const void *authorities, size_t length, const void *revocations, size_t revocations_length,
                 bool lists_are_partial, struct jc_trust **out)
{
    X509_STORE *store = X509_STORE_new();
    BIO *first = BIO_new_mem_buf(authorities, (int)length);
    BIO *second = BIO_new_mem_buf(revocations, (int)revocations_length);
    const bool is_whole = store != NULL && first != NULL && second != NULL &&
                          jc_trust_add_authorities(store, first) &&
                          (revocations_length == 0 || jc_trust_add_revocations(store, second));
    BIO_free(first);
    BIO_free(second);
    // Reading to the end is an error to the reader.
    ERR_clear_error();
    if (!is_whole) {
        X509_STORE_free(store);
        return -EINVAL;
    }
    if (lists_are_partial)
        X509_STORE_set_verify_cb(store, on_verified);
    *out = (struct jc_trust *)store;
    return 0;
}

void jc_trust_free(struct jc_trust *trust)
{
    X509_STORE_free((X509_STORE *)trust);
}

/// As it came: of the one in hand the key was dropped (jc_identity_keep_name).
static X509 *fresh_copy(const X509 *certificate)
{
    unsigned char *bytes = NULL;
    const int length = certificate != NULL ? i2d_X509(certificate, &bytes) : -1;
    const unsigned char *at = bytes;
    X509 *copy = length > 0 ? d2i_X509(NULL, &at, length) : NULL;
    OPENSSL_free(bytes);
    return copy;
}

const char *jc_trust_refuses(const struct jc_trust *trust, SSL *ssl)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *certificate = fresh_copy(SSL_get0_peer_certificate(ssl));
    const char *why = "out of memory";
    if (context != NULL && certificate != NULL &&
        X509_STORE_CTX_init(context, (X509_STORE *)trust, certificate, SSL_get_peer_cert_chain(ssl)) == 1 &&
        X509_STORE_CTX_set_default(context, "ssl_client") == 1)
        why = X509_verify_cert(context) == 1
                  ? NULL
                  : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
    X509_STORE_CTX_free(context);
    X509_free(certificate);
    ERR_clear_error();
    return why;
}

static void tell_name(const X509_NAME *name, int64_t until, jc_expiry_told told, void *context,
                      enum jc_expiry kind)
{
    char text[256] = "";
    X509_NAME_oneline(name, text, sizeof text);
    told(context, kind, text, until);
}

void jc_tls_expiries(const struct jc_tls *tls, jc_expiry_told told, void *context)
{
    const X509 *own = SSL_CTX_get0_certificate(tls->ctx);
    tell_name(X509_get_subject_name(own), jw_tls_seconds(X509_get0_notAfter(own)), told, context,
              JC_EXPIRY_CERTIFICATE);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(tls->ctx));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
        const X509 *authority = X509_OBJECT_get0_X509(object);
        const X509_CRL *list = X509_OBJECT_get0_X509_CRL(object);
        if (authority != NULL)
            tell_name(X509_get_subject_name(authority), jw_tls_seconds(X509_get0_notAfter(authority)), told,
                      context, JC_EXPIRY_AUTHORITY);
        if (list != NULL)
            tell_name(X509_CRL_get_issuer(list), jw_tls_seconds(X509_CRL_get0_nextUpdate(list)), told,
                      context, JC_EXPIRY_REVOCATIONS);
    }
}
