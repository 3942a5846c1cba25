#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/// What a guess at a passphrase costs: 16 MiB, five times over.
#define SCRYPT_N (1 << 14)
#define SCRYPT_R 8
#define SCRYPT_P 5
#define SALT_SIZE 16
/// PBKDF2's, and of the key that the bundle's digest has.
#define BUNDLE_ROUNDS 100000

static bool seal(BIO *text, EVP_PKEY *key, const char *passphrase)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    X509_ALGOR *scheme =
        PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, SALT_SIZE, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    X509_SIG *sealed = NULL;
    if (info != NULL && scheme != NULL)
        sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, scheme);
    bool written = sealed != NULL && PEM_write_bio_PKCS8(text, sealed) == 1;
    if (sealed == NULL)
        X509_ALGOR_free(scheme);
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info);
    return written;
}

static bool write_key(BIO *text, EVP_PKEY *key, const char *passphrase)
{
    return passphrase != NULL ? seal(text, key, passphrase)
                              : PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1;
}

static bool write_bundle(BIO *bytes, EVP_PKEY *key, X509 *certificate, X509 *issuer, const char *password)
{
    char name[JW_CA_TEXT_SIZE];
    STACK_OF(X509) *authorities = sk_X509_new_null();
    PKCS12 *bundle = NULL;
    jw_ca_common_name(certificate, name);
    if (authorities != NULL && sk_X509_push(authorities, issuer) > 0)
        bundle = PKCS12_create(password, name, key, certificate, authorities, 0, 0, BUNDLE_ROUNDS,
                               BUNDLE_ROUNDS, 0);
    bool written = bundle != NULL && i2d_PKCS12_bio(bytes, bundle) == 1;
    PKCS12_free(bundle);
    sk_X509_free(authorities);
    return written;
}

/// The place of the record, in a directory that is there then.
static bool name_record(const char *directory, X509 *certificate, char place[PATH_MAX], char *error)
{
    char serial[JW_CA_SERIAL_SIZE];
    if (mkdir(directory, 0755) == 0)
        (void)chmod(directory, 0755);
    else if (errno != EEXIST)
        return jw_ca_fail_file(error, "make", directory, errno);
    if (!jw_ca_serial(X509_get0_serialNumber(certificate), serial) ||
        (size_t)snprintf(place, PATH_MAX, "%s/%s.crt", directory, serial) >= PATH_MAX)
        return jw_ca_fail_file(error, "write", directory, ENAMETOOLONG);
    return true;
}

struct writing {
    struct jw_ca_file files[4];
    size_t count;
    char record[PATH_MAX];
};

/// The memory that a key was in is cleared when it is freed.
static BIO *add(struct writing *writing, const char *place, mode_t mode, bool force)
{
    struct jw_ca_file *file = &writing->files[writing->count];
    *file = (struct jw_ca_file){.place = place, .mode = mode, .force = force};
    file->contents = BIO_new(mode == 0600 ? BIO_s_secmem() : BIO_s_mem());
    writing->count += file->contents != NULL;
    return file->contents;
}

/// Key first, certificate last: who sees the certificate finds everything else.
static bool fill(struct writing *writing, const struct jw_ca_output *output, X509 *certificate, EVP_PKEY *key,
                 X509 *issuer)
{
    BIO *bio;
    if (output->key_file != NULL && ((bio = add(writing, output->key_file, 0600, output->force)) == NULL ||
                                     !write_key(bio, key, output->passphrase)))
        return false;
    if (output->bundle_file != NULL &&
        ((bio = add(writing, output->bundle_file, 0600, output->force)) == NULL ||
         !write_bundle(bio, key, certificate, issuer, output->bundle_password)))
        return false;
    if (output->records != NULL && ((bio = add(writing, writing->record, 0644, false)) == NULL ||
                                    PEM_write_bio_X509(bio, certificate) != 1))
        return false;
    return (bio = add(writing, output->certificate_file, 0644, output->force)) != NULL &&
           PEM_write_bio_X509(bio, certificate) == 1;
}

bool jw_ca_write(const struct jw_ca_output *output, X509 *certificate, EVP_PKEY *key, X509 *issuer,
                 char *error)
{
    struct writing writing = {0};
    if (output->records != NULL && !name_record(output->records, certificate, writing.record, error))
        return false;
    ERR_clear_error();
    bool done = fill(&writing, output, certificate, key, issuer);
    if (!done)
        (void)jw_ca_fail_ssl(error, "cannot write the certificate or its key");
    done = done && jw_ca_publish(writing.files, writing.count, error);
    for (size_t i = 0; i < writing.count; i++)
        BIO_free_all(writing.files[i].contents);
    return done;
}
