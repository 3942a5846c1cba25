#include "ca_private.h"

#include <jobwire/tls.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_S 86400L

bool jw_ca_fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, JW_CA_TEXT_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

bool jw_ca_fail_ssl(char *error, const char *what)
{
    char reason[256];
    jw_tls_reason(reason, sizeof reason);
    return jw_ca_fail(error, "%s: %s", what, reason);
}

static bool same_file(const char *one, const char *other)
{
    struct stat first, second;
    return strcmp(one, other) == 0 || (stat(one, &first) == 0 && stat(other, &second) == 0 &&
                                       first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/// Each file is of its own, so that `force` never costs a key, least of all the authority's (may be NULL).
static bool check_output(const struct jw_ca_authority *authority, const struct jw_ca_output *output,
                         char *error)
{
    const char *const written[] = {output->certificate_file, output->key_file, output->bundle_file};
    for (size_t i = 0; i < 3; i++) {
        if (written[i] == NULL)
            continue;
        for (size_t other = 0; other < i; other++)
            if (written[other] != NULL && same_file(written[i], written[other]))
                return jw_ca_fail(error, "a certificate and its key need a file each, not %s twice",
                                  written[i]);
        if (authority != NULL && (same_file(written[i], authority->key_file) ||
                                  same_file(written[i], authority->certificate_file)))
            return jw_ca_fail(error, "%s is the authority's own file", written[i]);
    }
    return true;
}

static bool check_validity(long not_before_s, long not_after_s, char *error)
{
    if (not_after_s <= not_before_s)
        return jw_ca_fail(error, "the validity must end after it begins");
    if (not_after_s > JW_CA_MOST_DAYS * DAY_S || not_before_s < -JW_CA_MOST_DAYS * DAY_S)
        return jw_ca_fail(error, "the validity is limited to %d days", JW_CA_MOST_DAYS);
    return true;
}

static bool make(struct jw_ca_contents *contents, const struct jw_ca_output *output, char *error)
{
    X509 *certificate = jw_ca_certificate(contents, error);
    bool made =
        certificate != NULL && jw_ca_write(output, certificate, contents->key, contents->issuer, error);
    X509_free(certificate);
    return made;
}

bool jw_ca_create(const char *common_name, unsigned days, const struct jw_ca_output *output, char *error)
{
    if (days == 0 || days > JW_CA_MOST_DAYS)
        return jw_ca_fail(error, "days must be 1 to %d, not %u", JW_CA_MOST_DAYS, days);
    if (!check_output(NULL, output, error))
        return false;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509_NAME *name = jw_ca_name(common_name, error);
    EVP_PKEY *key = name != NULL ? jw_ca_new_key(error) : NULL;
    struct jw_ca_contents contents = {
        .key = key,
        .sign_key = key,
        .name = name,
        .basic_constraints = "critical,CA:TRUE,pathlen:0",
        .key_usage = "critical,keyCertSign,cRLSign",
        .not_before_s = -JW_CA_BACKDATE_S,
        .not_after_s = (long)days * DAY_S,
    };
    bool made = key != NULL && make(&contents, output, error);
    EVP_PKEY_free(key);
    X509_NAME_free(name);
    return made;
}

static bool check_request(const struct jw_ca_request *request, char *error)
{
    bool named = request->hosts != NULL && request->hosts[0] != NULL;
    if (request->use == JW_CA_SERVER && !named)
        return jw_ca_fail(error, "a server's certificate needs at least one host name or IP address");
    if (request->use == JW_CA_CLIENT && named)
        return jw_ca_fail(error, "a client's certificate has no host names");
    return check_validity(request->not_before_s, request->not_after_s, error);
}

static void free_contents(struct jw_ca_contents *contents)
{
    EVP_PKEY_free(contents->key);
    EVP_PKEY_free(contents->sign_key);
    X509_free(contents->issuer);
    GENERAL_NAMES_free(contents->hosts);
    X509_NAME_free(contents->name);
}

bool jw_ca_issue(const struct jw_ca_request *request, const struct jw_ca_output *output, char *error)
{
    if (!check_request(request, error) || !check_output(&request->authority, output, error))
        return false;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    bool server = request->use == JW_CA_SERVER;
    const char *asked = request->signing_request_file;
    struct jw_ca_contents contents = {
        .basic_constraints = "CA:FALSE",
        .key_usage = "critical,digitalSignature",
        .extended_key_usage = server ? "serverAuth" : "clientAuth",
        .not_before_s = request->not_before_s,
        .not_after_s = request->not_after_s,
    };
    bool made =
        (contents.name = jw_ca_name(request->common_name, error)) != NULL &&
        (!server || (contents.hosts = jw_ca_hosts(request->hosts, error)) != NULL) &&
        (contents.sign_key = jw_ca_load(&request->authority, &contents.issuer, error)) != NULL &&
        (contents.key = asked != NULL ? jw_ca_requested_key(asked, error) : jw_ca_new_key(error)) != NULL &&
        make(&contents, output, error);
    free_contents(&contents);
    return made;
}

/// Without extendedKeyUsage it is for both.
static const char *uses(X509 *certificate)
{
    uint32_t usage = X509_get_extended_key_usage(certificate) & (XKU_SSL_SERVER | XKU_SSL_CLIENT);
    return usage == XKU_SSL_SERVER   ? "serverAuth"
           : usage == XKU_SSL_CLIENT ? "clientAuth"
                                     : "serverAuth,clientAuth";
}

static bool take(X509 *old, struct jw_ca_contents *contents, char *error)
{
    contents->extended_key_usage = uses(old);
    contents->name = X509_NAME_dup(X509_get_subject_name(old));
    contents->key = X509_get_pubkey(old);
    contents->hosts = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);
    bool hosts = contents->hosts != NULL || X509_get_ext_by_NID(old, NID_subject_alt_name, -1) < 0;
    return (contents->name != NULL && contents->key != NULL && hosts) ||
           jw_ca_fail_ssl(error, "cannot take the name and the key of the certificate");
}

bool jw_ca_renew(const struct jw_ca_renewal *renewal, const struct jw_ca_output *output, char *error)
{
    const char *file = renewal->certificate_file;
    if (!check_validity(renewal->not_before_s, renewal->not_after_s, error) ||
        !check_output(&renewal->authority, output, error))
        return false;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    struct jw_ca_contents contents = {
        .basic_constraints = "CA:FALSE",
        .key_usage = "critical,digitalSignature",
        .not_before_s = renewal->not_before_s,
        .not_after_s = renewal->not_after_s,
    };
    X509 *old = jw_ca_load_certificate("certificate", file, error);
    bool made =
        old != NULL && take(old, &contents, error) &&
        (contents.sign_key = jw_ca_load(&renewal->authority, &contents.issuer, error)) != NULL &&
        (jw_ca_is_issued(old, contents.issuer) || jw_ca_fail(error, "%s was not issued by the authority %s",
                                                             file, renewal->authority.certificate_file)) &&
        make(&contents, output, error);
    X509_free(old);
    free_contents(&contents);
    return made;
}
