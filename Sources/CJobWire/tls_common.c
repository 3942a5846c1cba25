#define _GNU_SOURCE

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/proverr.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256";

int jw_tls_no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

int jw_tls_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)writing;
    const char *passphrase = context;
    if (passphrase == NULL || strlen(passphrase) > (size_t)size)
        return -1;
    int length = (int)strlen(passphrase);
    memcpy(buffer, passphrase, (size_t)length);
    return length;
}

bool jw_tls_fail(char *error, size_t size, const char *what, const char *file)
{
    char reason[256];
    jw_tls_reason(reason, sizeof reason);
    snprintf(error, size, "%s %s: %s", what, file, reason);
    return false;
}

bool jw_tls_limit(SSL_CTX *ctx, char *error, size_t error_size)
{
    ERR_clear_error();
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_default_passwd_cb(ctx, jw_tls_no_password);
    return (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_ciphersuites(ctx, suites) == 1 && SSL_CTX_set1_groups_list(ctx, groups) == 1) ||
           jw_tls_fail(error, error_size, "cannot limit TLS to", "version 1.3");
}

bool jw_tls_configure(SSL_CTX *ctx, const char *certificate_file, const char *key_file, char *error,
                      size_t error_size)
{
    if (!jw_tls_limit(ctx, error, error_size))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file) != 1)
        return jw_tls_fail(error, error_size, "cannot use the certificate", certificate_file);
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return jw_tls_fail(error, error_size, "cannot use the key", key_file);
    return true;
}

bool jw_tls_identify(SSL *ssl, const char *certificate_file, const char *key_file, const char *passphrase,
                     char *error, size_t error_size)
{
    ERR_clear_error();
    SSL_set_default_passwd_cb(ssl, jw_tls_passphrase);
    SSL_set_default_passwd_cb_userdata(ssl, (void *)passphrase);
    if (SSL_use_certificate_chain_file(ssl, certificate_file) != 1)
        return jw_tls_fail(error, error_size, "cannot use the certificate", certificate_file);
    ERR_clear_error();
    return (SSL_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) == 1 &&
            SSL_check_private_key(ssl) == 1) ||
           jw_tls_fail(error, error_size,
                       passphrase != NULL ? "with this passphrase, cannot use the key" : "cannot use the key",
                       key_file);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *jw_tls_bio_method(int (*read)(BIO *, char *, int), int (*write)(BIO *, const char *, int))
{
    // Without an index of its own: OpenSSL has a hundred of those to give in a process.
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "jobd connection");
    if (method == NULL)
        return NULL;
    BIO_meth_set_read(method, read);
    BIO_meth_set_write(method, write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

SSL *jw_tls_session(SSL_CTX *ctx, const BIO_METHOD *method, void *data)
{
    BIO *bio = BIO_new(method);
    SSL *ssl = bio != NULL ? SSL_new(ctx) : NULL;
    if (ssl == NULL) {
        BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, data);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return ssl;
}

static const char *in_words(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    // The password callback, which never gives one, was asked.
    if (reason == ERR_R_INTERRUPTED_OR_CANCELLED)
        return "it is encrypted, and there is no password";
    switch (ERR_GET_LIB(code)) {
    case ERR_LIB_SYS:
        return strerrordesc_np(reason);
    case ERR_LIB_OSSL_DECODER:
        return "it holds no private key in PEM";
    case ERR_LIB_PEM:
        if (reason == PEM_R_NO_START_LINE)
            return "it holds no PEM block of that kind";
        if (reason == PEM_R_BAD_PASSWORD_READ)
            return "it is encrypted, and there is no password";
        break;
    case ERR_LIB_PROV:
        if (reason == PROV_R_BAD_DECRYPT)
            return "the passphrase is wrong";
        break;
    case ERR_LIB_X509:
        if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)
            return "the key does not belong to the certificate";
        if (reason == X509_R_NO_CERTIFICATE_OR_CRL_FOUND)
            return "it holds no certificate in PEM";
        break;
    case ERR_LIB_SSL:
        if (reason == SSL_R_NO_CERTIFICATE_ASSIGNED)
            return "the key does not belong to the certificate";
        if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
            return "the peer does not speak TLS";
        if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
            return "the peer does not speak TLS 1.3";
        break;
    }
    return ERR_reason_error_string(code);
}

void jw_tls_reason(char *text, size_t size)
{
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char *words = code != 0 ? in_words(code) : "no reason given";
    snprintf(text, size, "%s", words != NULL ? words : "unknown reason");
}

void jw_tls_hex(const unsigned char *bytes, size_t length, bool upper, char *text)
{
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, upper ? "%02X" : "%02x", bytes[i]);
}

int64_t jw_tls_seconds(const ASN1_TIME *time)
{
    struct tm parts;
    return time != NULL && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}
