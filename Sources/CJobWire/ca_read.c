#define _GNU_SOURCE
#include "ca_private.h"

#include <arpa/inet.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

bool jw_ca_serial(const ASN1_INTEGER *serial, char text[JW_CA_SERIAL_SIZE])
{
    size_t length = (size_t)ASN1_STRING_length(serial);
    if (length == 0 || 2 * length >= JW_CA_SERIAL_SIZE)
        return false;
    jw_tls_hex(ASN1_STRING_get0_data(serial), length, true, text);
    return true;
}

void jw_ca_common_name(X509 *certificate, char text[JW_CA_TEXT_SIZE])
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *utf8 = NULL;
    int length = -1;
    if (place >= 0)
        length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
    bool fits = length > 0 && length < JW_CA_TEXT_SIZE && memchr(utf8, '\0', (size_t)length) == NULL;
    snprintf(text, JW_CA_TEXT_SIZE, "%s", fits ? (const char *)utf8 : "");
    OPENSSL_free(utf8);
}

bool jw_ca_is_issued(X509 *certificate, X509 *authority)
{
    ERR_clear_error();
    bool issued = X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(authority)) == 0 &&
                  X509_cmp(certificate, authority) != 0 &&
                  X509_verify(certificate, X509_get0_pubkey(authority)) == 1;
    ERR_clear_error();
    return issued;
}

static bool describe(X509 *certificate, struct jw_ca_facts *facts)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const uint32_t usage = X509_get_extended_key_usage(certificate);
    if (!jw_ca_serial(X509_get0_serialNumber(certificate), facts->serial) ||
        X509_pubkey_digest(certificate, EVP_sha256(), digest, &length) != 1)
        return false;
    jw_tls_hex(digest, length, true, facts->key);
    jw_ca_common_name(certificate, facts->name);
    facts->for_servers = usage & XKU_SSL_SERVER;
    facts->for_clients = usage & XKU_SSL_CLIENT;
    facts->not_before = jw_tls_seconds(X509_get0_notBefore(certificate));
    facts->not_after = jw_tls_seconds(X509_get0_notAfter(certificate));
    return true;
}

bool jw_ca_read(const char *authority_file, const char *file, struct jw_ca_facts *facts, char *error)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509 *authority = jw_ca_load_certificate("authority's certificate", authority_file, error);
    X509 *certificate = authority != NULL ? jw_ca_load_certificate("certificate", file, error) : NULL;
    bool done = certificate != NULL &&
                (describe(certificate, facts) || jw_ca_fail(error, "cannot use the certificate %s", file));
    if (done)
        facts->issued = jw_ca_is_issued(certificate, authority);
    X509_free(certificate);
    X509_free(authority);
    return done;
}

static void tell_host(const GENERAL_NAME *name, void (*each)(void *context, const char *host), void *context)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD)
        return;
    const unsigned char *bytes = ASN1_STRING_get0_data(value);
    const int length = ASN1_STRING_length(value);
    char text[JW_CA_TEXT_SIZE];
    if (type == GEN_DNS && length < JW_CA_TEXT_SIZE && memchr(bytes, '\0', (size_t)length) == NULL)
        snprintf(text, sizeof text, "%.*s", length, (const char *)bytes);
    else if (type != GEN_IPADD || (length != 4 && length != 16) ||
             inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) == NULL)
        return;
    each(context, text);
}

void jw_ca_each_host(const char *file, void (*each)(void *context, const char *host), void *context)
{
    char error[JW_CA_TEXT_SIZE];
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509 *certificate = jw_ca_load_certificate("certificate", file, error);
    GENERAL_NAMES *names =
        certificate != NULL ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++)
        tell_host(sk_GENERAL_NAME_value(names, index), each, context);
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    ERR_clear_error();
}

bool jw_ca_has_host(const char *file, const char *host)
{
    char error[JW_CA_TEXT_SIZE];
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509 *certificate = jw_ca_load_certificate("certificate", file, error);
    bool has = certificate != NULL && (X509_check_ip_asc(certificate, host, 0) == 1 ||
                                       X509_check_host(certificate, host, 0, 0, NULL) == 1);
    X509_free(certificate);
    ERR_clear_error();
    return has;
}
