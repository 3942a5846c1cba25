#define _GNU_SOURCE
#include "ca_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <platform/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// A file written in full beside the place where it is to be.
struct draft {
    char path[PATH_MAX];
    const char *place;
};

static bool fail_file(char *error, const char *what, const char *path, int number)
{
    return jw_ca_fail(error, "cannot %s %s: %s", what, path, strerrordesc_np(number));
}

static bool draft_write(struct draft *draft, const char *place, mode_t mode, BIO *contents, char *error)
{
    char *bytes = NULL;
    long length = BIO_get_mem_data(contents, &bytes);
    int size = snprintf(draft->path, sizeof draft->path, "%s.XXXXXX", place);
    draft->place = place;
    errno = ENAMETOOLONG;
    int fd = (size_t)size < sizeof draft->path ? mkostemp(draft->path, O_CLOEXEC) : -1;
    int failed = fd < 0 ? errno : 0;
    if (failed != 0)
        draft->path[0] = '\0';
    else if (fchmod(fd, mode) != 0)
        failed = errno;
    else
        failed = -jp_write_all(fd, bytes, (size_t)length);
    if (failed == 0 && fsync(fd) != 0)
        failed = errno;
    if (fd >= 0 && close(fd) != 0 && failed == 0)
        failed = errno;
    return failed == 0 || fail_file(error, "write", place, failed);
}

static void draft_discard(struct draft *draft)
{
    if (draft->path[0] != '\0')
        unlink(draft->path);
}

/// Moves a draft to its place. Without `force` by link, which, unlike a check before a rename, can't lose a
/// race against another writer.
static bool draft_publish(struct draft *draft, bool force, char *error)
{
    if ((force ? rename : link)(draft->path, draft->place) == 0) {
        if (force)
            draft->path[0] = '\0';
        return true;
    }
    int number = errno;
    if (number == EEXIST)
        return jw_ca_fail(error, "%s exists already and was kept: use --force to replace it", draft->place);
    return fail_file(error, "write", draft->place, number);
}

static bool sync_directory(const char *place, char *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", place);
    const char *directory = dirname(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_file(error, "open", directory, errno);
    int number = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return number == 0 || fail_file(error, "write", directory, number);
}

/// With `force` the key is in its place before the certificate is: what can't be replaced is found out
/// before.
static bool check_place(const char *place, char *error)
{
    struct stat status;
    if (lstat(place, &status) == 0 && S_ISDIR(status.st_mode))
        return fail_file(error, "write", place, EISDIR);
    return true;
}

/// Both or none: a key whose certificate can't be published is taken away again, unless it replaced another.
static bool publish(struct draft *key, struct draft *certificate, bool force, char *error)
{
    if (!check_place(key->place, error) || !check_place(certificate->place, error) ||
        !draft_publish(key, force, error))
        return false;
    if (!draft_publish(certificate, force, error)) {
        if (!force)
            unlink(key->place);
        return false;
    }
    return sync_directory(key->place, error) && sync_directory(certificate->place, error);
}

bool jw_ca_write(const struct jw_ca_output *output, X509 *certificate, EVP_PKEY *key, char *error)
{
    struct draft key_draft = {0}, certificate_draft = {0};
    ERR_clear_error();
    BIO *key_text = BIO_new(BIO_s_secmem()), *certificate_text = BIO_new(BIO_s_mem());
    bool done = key_text != NULL && certificate_text != NULL &&
                PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                PEM_write_bio_X509(certificate_text, certificate) == 1;
    if (!done)
        (void)jw_ca_fail_ssl(error, "cannot write as PEM");
    done = done && draft_write(&key_draft, output->key_file, 0600, key_text, error) &&
           draft_write(&certificate_draft, output->certificate_file, 0644, certificate_text, error) &&
           publish(&key_draft, &certificate_draft, output->force, error);
    draft_discard(&key_draft);
    draft_discard(&certificate_draft);
    BIO_free_all(key_text);
    BIO_free_all(certificate_text);
    return done;
}
