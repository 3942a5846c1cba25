#ifndef JOBCORE_TARGET_H
#define JOBCORE_TARGET_H

#include <jobcore/request.h>

/// The text rules of a request's target and of Host (RFC 9110, RFC 3986). Pure.

/// uri-host [":" port], not empty.
bool jc_host_valid(struct jw_slice text);
/// Splits a target into path and query. `authority` is set for the absolute form. NULL, or why it is refused.
const char *jc_target_parse(struct jw_slice target, struct jc_request *request, struct jw_slice *authority);

#endif
