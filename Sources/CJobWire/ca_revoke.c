#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool copy_entries(X509_CRL *from, X509_CRL *to)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(from);
    const bool is_first = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(to)) <= 0;
    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
        X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i), *same = NULL;
        if (!is_first && X509_CRL_get0_by_serial(to, &same, X509_REVOKED_get0_serialNumber(entry)) != 0)
            continue;
        X509_REVOKED *copy = X509_REVOKED_dup(entry);
        if (copy == NULL || X509_CRL_add0_revoked(to, copy) != 1) {
            X509_REVOKED_free(copy);
            return false;
        }
    }
    return true;
}

/// The greatest number that a list had, in `number`.
static void take_number(X509_CRL *list, BIGNUM *number)
{
    ASN1_INTEGER *had = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
    BIGNUM *value = had != NULL ? ASN1_INTEGER_to_BN(had, NULL) : NULL;
    if (value != NULL && BN_cmp(value, number) > 0)
        BN_copy(number, value);
    BN_free(value);
    ASN1_INTEGER_free(had);
}

/// Takes the authority's own lists out of `lists`, as one that is to be signed. NULL with `error` set.
static X509_CRL *take_own(STACK_OF(X509_CRL) * lists, X509 *authority, const char *path, BIGNUM *number,
                          char *error)
{
    X509_CRL *list = X509_CRL_new();
    bool good = list != NULL && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(list, X509_get_subject_name(authority)) == 1;
    if (!good)
        (void)jw_ca_fail_ssl(error, "cannot make a revocation list");
    for (int i = 0; good && i < sk_X509_CRL_num(lists);) {
        X509_CRL *other = sk_X509_CRL_value(lists, i);
        bool own = false;
        good = jw_ca_is_own_list(other, authority, path, &own, error);
        if (!own) {
            i++;
            continue;
        }
        take_number(other, number);
        if (good && !copy_entries(other, list))
            good = jw_ca_fail_ssl(error, "cannot copy a revocation list");
        X509_CRL_free(sk_X509_CRL_delete(lists, i));
    }
    if (good)
        return list;
    X509_CRL_free(list);
    return NULL;
}

static bool set_reason(X509_REVOKED *entry, int reason)
{
    if (reason == 0)
        return true;
    ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
    bool set = value != NULL && ASN1_ENUMERATED_set(value, reason) == 1 &&
               X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, value, 0, 0) == 1;
    ASN1_ENUMERATED_free(value);
    return set;
}

static bool add_entry(X509_CRL *list, const ASN1_INTEGER *serial, int reason)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    bool added = entry != NULL && now != NULL &&
                 X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)serial) == 1 &&
                 X509_REVOKED_set_revocationDate(entry, now) == 1 && set_reason(entry, reason) &&
                 X509_CRL_add0_revoked(list, entry) == 1;
    ASN1_TIME_free(now);
    if (!added)
        X509_REVOKED_free(entry);
    return added;
}

static bool add_serial(X509_CRL *list, const char *text, int reason, X509 *authority, char *error)
{
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = NULL;
    X509_REVOKED *same = NULL;
    bool done = false;
    if (text[0] == '\0' || strlen(text) >= JW_CA_SERIAL_SIZE ||
        BN_hex2bn(&number, text) != (int)strlen(text) ||
        (serial = BN_to_ASN1_INTEGER(number, NULL)) == NULL || BN_is_negative(number))
        (void)jw_ca_fail(error, "not a serial in hexadecimal digits: '%.80s'", text);
    else if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(authority)) == 0)
        (void)jw_ca_fail(error, "serial %s is the authority's own, which cannot revoke itself", text);
    else
        done = X509_CRL_get0_by_serial(list, &same, serial) != 0 || add_entry(list, serial, reason) ||
               jw_ca_fail_ssl(error, "cannot add to the revocation list");
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return done;
}

/// Sets what is new in each list.
static bool stamp(X509_CRL *list, X509 *authority, BIGNUM *number)
{
    X509V3_CTX context = {0};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, authority, NULL, NULL, list, 0);
    ASN1_TIME *now = X509_gmtime_adj(NULL, -JW_CA_BACKDATE_S);
    ASN1_INTEGER *next = BN_add_word(number, 1) == 1 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    X509_EXTENSION *key = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    // A list that ends before its authority would lock everybody out that day.
    bool done = now != NULL && next != NULL && key != NULL && X509_CRL_set1_lastUpdate(list, now) == 1 &&
                X509_CRL_set1_nextUpdate(list, X509_get0_notAfter(authority)) == 1 &&
                X509_CRL_add_ext(list, key, -1) == 1 &&
                X509_CRL_add1_ext_i2d(list, NID_crl_number, next, 0, 0) == 1;
    X509_EXTENSION_free(key);
    ASN1_INTEGER_free(next);
    ASN1_TIME_free(now);
    return done;
}

/// The authority's own first, then the others as they were.
static bool write_lists(const char *path, X509_CRL *own, STACK_OF(X509_CRL) * others, char *error)
{
    BIO *text = BIO_new(BIO_s_mem());
    bool done = text != NULL && PEM_write_bio_X509_CRL(text, own) == 1;
    for (int i = 0; done && i < sk_X509_CRL_num(others); i++)
        done = PEM_write_bio_X509_CRL(text, sk_X509_CRL_value(others, i)) == 1;
    struct jw_ca_file file = {.place = path, .contents = text, .mode = 0644, .force = true};
    done = done ? jw_ca_publish(&file, 1, error) : jw_ca_fail_ssl(error, "cannot write a revocation list");
    BIO_free_all(text);
    return done;
}

static bool add_all(const char *path, const char *record, X509 *authority, EVP_PKEY *key,
                    const char *const *serials, int reason, char *error)
{
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    BIGNUM *number = BN_new();
    X509_CRL *own = NULL;
    bool done = lists != NULL && number != NULL && jw_ca_read_lists(path, lists, error) &&
                (record == NULL || jw_ca_read_lists(record, lists, error)) &&
                (own = take_own(lists, authority, path, number, error)) != NULL;
    for (; done && *serials != NULL; serials++)
        done = add_serial(own, *serials, reason, authority, error);
    done = done &&
           ((stamp(own, authority, number) && X509_CRL_sort(own) == 1 &&
             X509_CRL_sign(own, key, EVP_sha256()) > 0) ||
            jw_ca_fail_ssl(error, "cannot sign the revocation list")) &&
           (record == NULL || write_lists(record, own, NULL, error)) && write_lists(path, own, lists, error);
    X509_CRL_free(own);
    BN_free(number);
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    return done;
}

/// The lock of the list's directory, which is no file of its own that would stay; -1 with `error` set.
static int lock(const char *path, char *error)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    const char *directory = dirname(copy);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), locked;
    if (fd < 0) {
        (void)jw_ca_fail_file(error, "open", directory, errno);
        return -1;
    }
    do
        locked = flock(fd, LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked == 0)
        return fd;
    (void)jw_ca_fail_file(error, "lock", directory, errno);
    close(fd);
    return -1;
}

bool jw_ca_revoke(const struct jw_ca_authority *authority, const char *file, const char *record,
                  const char *const *serials, int reason, char *error)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509 *certificate = NULL;
    EVP_PKEY *key = jw_ca_load(authority, &certificate, error);
    int held = key != NULL ? lock(file, error) : -1;
    bool done = held >= 0 && add_all(file, record, certificate, key, serials, reason, error);
    if (held >= 0)
        close(held);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return done;
}
