#include <sqlite3.h>

// Made of other macros, which Swift does not import.
static const int SQLITE_READONLY_RECOVERY_CODE = SQLITE_READONLY_RECOVERY;
