#ifndef JOBCORE_REASON_H
#define JOBCORE_REASON_H

/// The reason phrase of an HTTP status (RFC 9110 section 15); never NULL.
const char *jc_reason(int status);

#endif
