#include "target.h"

#include <string.h>

enum { PATH = 1, HOST = 2, DIGIT = 4, ADDRESS = 8 };

/// RFC 3986: pchar, "/" and "?" (PATH), reg-name without sub-delims (HOST), digits and colons of an IPv6
/// address (ADDRESS).
static const unsigned char classes[256] = {
    ['0' ... '9'] = PATH | HOST | DIGIT | ADDRESS,
    ['A' ... 'F'] = PATH | HOST | ADDRESS,
    ['G' ... 'Z'] = PATH | HOST,
    ['a' ... 'f'] = PATH | HOST | ADDRESS,
    ['g' ... 'z'] = PATH | HOST,
    ['-'] = PATH | HOST,
    ['.'] = PATH | HOST | ADDRESS,
    ['_'] = PATH | HOST,
    ['~'] = PATH | HOST,
    ['%'] = PATH | HOST,
    [':'] = PATH | ADDRESS,
    ['!'] = PATH,
    ['$'] = PATH,
    ['&' ... ','] = PATH,
    ['/'] = PATH,
    [';'] = PATH,
    ['='] = PATH,
    ['?' ... '@'] = PATH,
};

static bool all(const char *at, const char *end, unsigned wanted)
{
    while (at < end && classes[(unsigned char)*at] & wanted)
        at++;
    return at == end;
}

bool jc_host_valid(struct jw_slice text)
{
    const char *end = text.bytes + text.length, *rest;
    if (text.length == 0)
        return false;
    if (text.bytes[0] == '[') {
        const char *close = memchr(text.bytes, ']', text.length);
        if (close == NULL || close == text.bytes + 1 || !all(text.bytes + 1, close, ADDRESS))
            return false;
        rest = close + 1;
    } else {
        const char *colon = memchr(text.bytes, ':', text.length);
        rest = colon != NULL ? colon : end;
        if (rest == text.bytes || !all(text.bytes, rest, HOST))
            return false;
    }
    return rest == end || (*rest == ':' && end - rest <= 6 && all(rest + 1, end, DIGIT));
}

/// Takes "http://host" off the front of an absolute form. The rest, which may be empty.
static struct jw_slice after_authority(struct jw_slice target, struct jw_slice *authority)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(schemes[i]);
        if (target.length <= length ||
            !jw_same((struct jw_slice){target.bytes, length}, (struct jw_slice){schemes[i], length}))
            continue;
        size_t end = length;
        while (end < target.length && target.bytes[end] != '/' && target.bytes[end] != '?')
            end++;
        *authority = (struct jw_slice){target.bytes + length, end - length};
        return (struct jw_slice){target.bytes + end, target.length - end};
    }
    return target;
}

const char *jc_target_parse(struct jw_slice target, struct jc_request *request, struct jw_slice *authority)
{
    static const char root[] = "/";
    const bool is_path = target.length > 0 && target.bytes[0] == '/';
    struct jw_slice rest = is_path ? target : after_authority(target, authority);
    if (authority->bytes == NULL && (rest.length == 0 || rest.bytes[0] != '/'))
        return "the request target is not a path";
    const char *end = rest.bytes + rest.length;
    if (!all(rest.bytes, end, PATH))
        return "a character in the request target that must be percent-encoded";
    const char *mark = memchr(rest.bytes, '?', rest.length);
    const char *stop = mark != NULL ? mark : end;
    request->path = (struct jw_slice){rest.bytes, (size_t)(stop - rest.bytes)};
    if (request->path.length == 0)
        request->path = (struct jw_slice){root, 1};
    request->query =
        mark != NULL ? (struct jw_slice){mark + 1, (size_t)(end - mark - 1)} : (struct jw_slice){end, 0};
    return NULL;
}
