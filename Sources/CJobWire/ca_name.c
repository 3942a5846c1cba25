#include "ca_private.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <platform/utf8.h>
#include <string.h>

/// RFC 5280 appendix A: ub-common-name, in characters.
#define COMMON_NAME_LIMIT 64
#define DNS_NAME_LIMIT 253
#define DNS_LABEL_LIMIT 63

bool jw_ca_check_name(const char *common_name, char *error)
{
    size_t count = 0;
    const unsigned char *at = (const unsigned char *)common_name, *end = at + strlen(common_name);
    for (size_t length; at < end; at += length, count++) {
        length = jp_utf8_length(at, (size_t)(end - at));
        if (length == 0)
            return jw_ca_fail(error, "the name is not valid UTF-8");
        if (jp_utf8_is_control(at))
            return jw_ca_fail(error, "the name holds a control character (U+%04X)", at[length - 1]);
    }
    if (count == 0)
        return jw_ca_fail(error, "the name is empty");
    if (count > COMMON_NAME_LIMIT)
        return jw_ca_fail(error, "the name has %zu characters, at most %d are allowed", count,
                          COMMON_NAME_LIMIT);
    return true;
}

X509_NAME *jw_ca_name(const char *common_name, char *error)
{
    if (!jw_ca_check_name(common_name, error))
        return NULL;
    X509_NAME *name = X509_NAME_new();
    if (name != NULL && X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                                                   (const unsigned char *)common_name, -1, -1, 0) == 1)
        return name;
    X509_NAME_free(name);
    (void)jw_ca_fail_ssl(error, "cannot make the subject's name");
    return NULL;
}

static bool is_label(const char *label, size_t length)
{
    if (length == 0 || length > DNS_LABEL_LIMIT || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = label[i] | 0x20;
        if (!(c >= 'a' && c <= 'z') && !(label[i] >= '0' && label[i] <= '9') && label[i] != '-' &&
            label[i] != '_')
            return false;
    }
    return true;
}

/// RFC 1123 host names, with an optional "*." before at least two labels. A last label of digits would be an
/// address.
static bool is_dns_name(const char *host)
{
    bool wildcard = strncmp(host, "*.", 2) == 0;
    if (strlen(host) > DNS_NAME_LIMIT || (wildcard && strchr(host + 2, '.') == NULL))
        return false;
    const char *label = wildcard ? host + 2 : host;
    for (;;) {
        size_t length = strcspn(label, ".");
        if (!is_label(label, length))
            return false;
        if (label[length] == '\0')
            return strspn(label, "0123456789") != length;
        label += length + 1;
    }
}

/// The bytes of an IP address, or 0.
static int parse_address(const char *host, unsigned char address[sizeof(struct in6_addr)])
{
    return inet_pton(AF_INET, host, address) == 1 ? 4 : inet_pton(AF_INET6, host, address) == 1 ? 16 : 0;
}

bool jw_ca_check_host(const char *host, char *error)
{
    unsigned char address[sizeof(struct in6_addr)];
    return parse_address(host, address) > 0 || is_dns_name(host) ||
           jw_ca_fail(error, "not a host name or IP address: '%s'", host);
}

static bool add_host(GENERAL_NAMES *names, const char *host, char *error)
{
    if (!jw_ca_check_host(host, error))
        return false;
    unsigned char address[sizeof(struct in6_addr)];
    int size = parse_address(host, address);
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_type_new(size > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    if (name == NULL || value == NULL ||
        ASN1_STRING_set(value, size > 0 ? (const void *)address : host, size > 0 ? size : -1) != 1)
        goto failed;
    GENERAL_NAME_set0_value(name, size > 0 ? GEN_IPADD : GEN_DNS, value);
    value = NULL;
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
failed:
    GENERAL_NAME_free(name);
    ASN1_STRING_free(value);
    return jw_ca_fail_ssl(error, "cannot make the list of hosts");
}

GENERAL_NAMES *jw_ca_hosts(const char *const *hosts, char *error)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    if (names == NULL) {
        (void)jw_ca_fail_ssl(error, "cannot make the list of hosts");
        return NULL;
    }
    for (; *hosts != NULL; hosts++) {
        if (!add_host(names, *hosts, error)) {
            GENERAL_NAMES_free(names);
            return NULL;
        }
    }
    return names;
}
