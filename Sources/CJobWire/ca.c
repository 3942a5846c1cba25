#include "ca_private.h"

#include <jobwire/tls.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/// How far a new authority's validity begins in the past, for hosts whose clocks are behind.
#define BACKDATE_S 300
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

static bool make(struct jw_ca_contents *contents, const struct jw_ca_output *output, char *error)
{
    if (same_file(output->key_file, output->certificate_file))
        return jw_ca_fail(error, "the certificate and its key need a file each, not %s twice",
                          output->key_file);
    X509 *certificate = jw_ca_certificate(contents, error);
    bool made = certificate != NULL && jw_ca_write(output, certificate, contents->key, error);
    X509_free(certificate);
    return made;
}

bool jw_ca_create(const char *common_name, unsigned days, const struct jw_ca_output *output, char *error)
{
    if (days == 0 || days > JW_CA_MOST_DAYS)
        return jw_ca_fail(error, "days must be 1 to %d, not %u", JW_CA_MOST_DAYS, days);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    X509_NAME *name = jw_ca_name(common_name, error);
    EVP_PKEY *key = name != NULL ? jw_ca_new_key(error) : NULL;
    struct jw_ca_contents contents = {
        .key = key,
        .sign_key = key,
        .name = name,
        .basic_constraints = "critical,CA:TRUE,pathlen:0",
        .key_usage = "critical,keyCertSign,cRLSign",
        .not_before_s = -BACKDATE_S,
        .not_after_s = (long)days * DAY_S,
    };
    bool made = key != NULL && make(&contents, output, error);
    EVP_PKEY_free(key);
    X509_NAME_free(name);
    return made;
}

/// Each file is of its own, so that `force` never costs the authority's key.
static bool check_output(const struct jw_ca_request *request, const struct jw_ca_output *output, char *error)
{
    const char *const written[] = {output->key_file, output->certificate_file};
    for (size_t i = 0; i < 2; i++)
        if (same_file(written[i], request->ca_key_file) ||
            same_file(written[i], request->ca_certificate_file))
            return jw_ca_fail(error, "%s is the authority's own file", written[i]);
    return true;
}

static bool check_request(const struct jw_ca_request *request, char *error)
{
    bool named = request->hosts != NULL && request->hosts[0] != NULL;
    if (request->use == JW_CA_SERVER && !named)
        return jw_ca_fail(error, "a server's certificate needs at least one host name or IP address");
    if (request->use == JW_CA_CLIENT && named)
        return jw_ca_fail(error, "a client's certificate has no host names");
    if (request->not_after_s <= request->not_before_s)
        return jw_ca_fail(error, "the validity must end after it begins");
    if (request->not_after_s > JW_CA_MOST_DAYS * DAY_S || request->not_before_s < -JW_CA_MOST_DAYS * DAY_S)
        return jw_ca_fail(error, "the validity is limited to %d days", JW_CA_MOST_DAYS);
    return true;
}

bool jw_ca_issue(const struct jw_ca_request *request, const struct jw_ca_output *output, char *error)
{
    if (!check_request(request, error) || !check_output(request, output, error))
        return false;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    bool server = request->use == JW_CA_SERVER;
    struct jw_ca_contents contents = {
        .basic_constraints = "CA:FALSE",
        .key_usage = "critical,digitalSignature",
        .extended_key_usage = server ? "serverAuth" : "clientAuth",
        .not_before_s = request->not_before_s,
        .not_after_s = request->not_after_s,
    };
    bool made = (contents.name = jw_ca_name(request->common_name, error)) != NULL &&
                (!server || (contents.hosts = jw_ca_hosts(request->hosts, error)) != NULL) &&
                (contents.sign_key = jw_ca_load(request->ca_certificate_file, request->ca_key_file,
                                                &contents.issuer, error)) != NULL &&
                (contents.key = jw_ca_new_key(error)) != NULL && make(&contents, output, error);
    EVP_PKEY_free(contents.key);
    EVP_PKEY_free(contents.sign_key);
    X509_free(contents.issuer);
    GENERAL_NAMES_free(contents.hosts);
    X509_NAME_free(contents.name);
    return made;
}
