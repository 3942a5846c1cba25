#ifndef PLATFORM_ARGUMENTS_H
#define PLATFORM_ARGUMENTS_H

/// The arguments that main was called with, the program's name first: bytes, of whatever encoding. Any
/// thread.
int jp_argument_count(void);
const char *_Nonnull jp_argument(int index);

#endif
