#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <fcntl.h>
#include <jobwire/tls.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/// A session is kept for the next program: its file is named for all that a handshake would verify, and by.
#define NAME "jobctl"
#define MOST_BYTES (64 << 10)

static bool is_own(int fd, mode_t type)
{
    struct stat status;
    return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type && status.st_uid == geteuid() &&
           (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/// -1 unless it is the caller's alone.
static int open_own(int directory, const char *name, int flags, mode_t type)
{
    int fd = openat(directory, name, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && !is_own(fd, type)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_directory(const char *path)
{
    int above = open_own(AT_FDCWD, path, O_DIRECTORY, S_IFDIR);
    if (above < 0)
        return -1;
    int fd = -1;
    if (mkdirat(above, NAME, S_IRWXU) == 0 || errno == EEXIST)
        fd = open_own(above, NAME, O_DIRECTORY | O_NOFOLLOW, S_IFDIR);
    close(above);
    return fd;
}

/// Its bytes, or -1: it can't be read, or is larger than what is kept or digested here.
static ssize_t read_whole(int fd, unsigned char bytes[MOST_BYTES])
{
    ssize_t total = 0, count = 1;
    while (fd >= 0 && count > 0 && total < MOST_BYTES) {
        count = read(fd, bytes + total, (size_t)(MOST_BYTES - total));
        total += count > 0 ? count : 0;
    }
    if (fd >= 0)
        close(fd);
    return fd < 0 || count != 0 ? -1 : total;
}

/// With its length before it, so that no two lists of parts are the same bytes.
static bool add(EVP_MD_CTX *digest, const void *bytes, size_t length)
{
    uint64_t size = length;
    return EVP_DigestUpdate(digest, &size, sizeof size) == 1 && EVP_DigestUpdate(digest, bytes, length) == 1;
}

static bool add_file(EVP_MD_CTX *digest, const char *path)
{
    unsigned char bytes[MOST_BYTES];
    // One that can be read once only, as a pipe, is left to the handshake.
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        fd = -1;
    }
    ssize_t length = read_whole(fd, bytes);
    bool is_added = length >= 0 && add(digest, bytes, (size_t)length);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return is_added;
}

/// The server, its name, and the files themselves: whoever has another one of them never finds the session.
static bool add_identities(EVP_MD_CTX *digest, const struct jw_client_options *options)
{
    const char *name = options->server_name != NULL ? options->server_name : options->host;
    return EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
           add(digest, options->host, strlen(options->host)) &&
           add(digest, &options->port, sizeof options->port) && add(digest, name, strlen(name)) &&
           add_file(digest, options->ca_file) && add_file(digest, options->certificate_file) &&
           add_file(digest, options->key_file);
}

static bool name_file(const struct jw_client_options *options, char name[JW_SESSION_NAME])
{
    unsigned char value[32];
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool is_named =
        digest != NULL && add_identities(digest, options) && EVP_DigestFinal_ex(digest, value, NULL) == 1;
    EVP_MD_CTX_free(digest);
    if (is_named)
        jw_tls_hex(value, sizeof value, false, name);
    return is_named;
}

/// What was verified is so until then. A clock that is behind the session's would find a certificate not
/// valid yet.
static bool is_current(const SSL_SESSION *session)
{
    const int64_t now = time(NULL), begin = SSL_SESSION_get_time(session);
    return begin <= now && now < begin + SSL_SESSION_get_timeout(session) &&
           SSL_SESSION_is_resumable(session);
}

static SSL_SESSION *load(const struct jw_sessions *sessions)
{
    unsigned char bytes[MOST_BYTES];
    ssize_t length = read_whole(open_own(sessions->directory, sessions->name, O_NOFOLLOW, S_IFREG), bytes);
    const unsigned char *end = bytes;
    SSL_SESSION *session = length > 0 ? d2i_SSL_SESSION(NULL, &end, length) : NULL;
    OPENSSL_cleanse(bytes, sizeof bytes);
    if (session == NULL || is_current(session))
        return session;
    SSL_SESSION_free(session);
    unlinkat(sessions->directory, sessions->name, 0);
    return NULL;
}

bool jw_sessions_open(struct jw_sessions *sessions, const struct jw_client_options *options)
{
    bool may = options->session_directory != NULL && options->passphrase == NULL;
    sessions->directory = may ? open_directory(options->session_directory) : -1;
    if (sessions->directory >= 0 && !name_file(options, sessions->name)) {
        close(sessions->directory);
        sessions->directory = -1;
    }
    return sessions->directory >= 0;
}

bool jw_sessions_resume(const struct jw_sessions *sessions, SSL *ssl)
{
    SSL_SESSION *session = load(sessions);
    bool is_set = session != NULL && SSL_set_session(ssl, session) == 1;
    SSL_SESSION_free(session);
    ERR_clear_error();
    return is_set;
}

/// Seconds until the first certificate of those that were verified expires, `most` at most.
static long lifetime(SSL *ssl, long most)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int days = 0, seconds = 0;
        if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(sk_X509_value(chain, i))) != 1)
            return 0;
        const long left = (long)days * 86400 + seconds;
        most = left < most ? left : most;
    }
    return most;
}

static bool write_whole(int fd, const unsigned char *bytes, int length)
{
    bool is_written = write(fd, bytes, (size_t)length) == length;
    return close(fd) == 0 && is_written;
}

/// Beside and renamed: another program never finds a part of it.
static void replace(const struct jw_sessions *sessions, const unsigned char *bytes, int length)
{
    uint64_t number;
    char name[32];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return;
    snprintf(name, sizeof name, "new-%016llx", (unsigned long long)number);
    int fd = openat(sessions->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return;
    if (!write_whole(fd, bytes, length) ||
        renameat(sessions->directory, name, sessions->directory, sessions->name) != 0)
        unlinkat(sessions->directory, name, 0);
}

void jw_sessions_keep(const struct jw_sessions *sessions, SSL *ssl, SSL_SESSION *session)
{
    // One that was resumed is good for as long as it was when it was verified, and so is its ticket.
    if (SSL_session_reused(ssl))
        return;
    const long left = lifetime(ssl, (long)SSL_SESSION_get_ticket_lifetime_hint(session));
    unsigned char *bytes = NULL;
    int length =
        left > 0 && SSL_SESSION_set_timeout(session, left) == 1 ? i2d_SSL_SESSION(session, &bytes) : 0;
    if (length > 0 && length <= MOST_BYTES)
        replace(sessions, bytes, length);
    OPENSSL_clear_free(bytes, length > 0 ? (size_t)length : 0);
}
