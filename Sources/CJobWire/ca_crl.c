#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

bool jw_ca_read_lists(const char *path, STACK_OF(X509_CRL) * lists, char *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT || jw_ca_fail_file(error, "read", path, errno);
    ERR_clear_error();
    X509_CRL *list;
    while ((list = PEM_read_X509_CRL(file, NULL, jw_tls_no_password, NULL)) != NULL)
        if (sk_X509_CRL_push(lists, list) <= 0)
            X509_CRL_free(list);
    fclose(file);
    const unsigned long code = ERR_peek_last_error();
    const bool is_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    char what[PATH_MAX + 64];
    snprintf(what, sizeof what, "cannot use the revocation list %s", path);
    if (!is_end || sk_X509_CRL_num(lists) == 0)
        return jw_ca_fail_ssl(error, what);
    ERR_clear_error();
    return true;
}

bool jw_ca_is_own_list(X509_CRL *list, X509 *authority, const char *path, bool *own, char *error)
{
    *own = X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0;
    ERR_clear_error();
    bool good = !*own || X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1;
    ERR_clear_error();
    return good ||
           jw_ca_fail(error, "the revocation list %s is of another authority of the same name: move it away",
                      path);
}

static void tell_entries(X509_CRL *list, void (*tell)(void *, const char *, int64_t), void *context)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);
    char serial[JW_CA_SERIAL_SIZE];
    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
        if (jw_ca_serial(X509_REVOKED_get0_serialNumber(entry), serial))
            tell(context, serial, jw_tls_seconds(X509_REVOKED_get0_revocationDate(entry)));
    }
}

bool jw_ca_revocations(const char *authority_file, const char *file,
                       void (*tell)(void *context, const char *serial, int64_t seconds), void *context,
                       char *error)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509 *authority = jw_ca_load_certificate("authority's certificate", authority_file, error);
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    bool done = authority != NULL && lists != NULL && jw_ca_read_lists(file, lists, error);
    for (int i = 0; done && i < sk_X509_CRL_num(lists); i++) {
        bool own = false;
        done = jw_ca_is_own_list(sk_X509_CRL_value(lists, i), authority, file, &own, error);
        if (done && own)
            tell_entries(sk_X509_CRL_value(lists, i), tell, context);
    }
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    X509_free(authority);
    return done;
}
