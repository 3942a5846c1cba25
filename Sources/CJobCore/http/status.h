#ifndef JOBCORE_STATUS_H
#define JOBCORE_STATUS_H

/// The reason phrase of an HTTP status (RFC 9110 section 15); never NULL.
const char *jc_status_text(int status);

#endif
