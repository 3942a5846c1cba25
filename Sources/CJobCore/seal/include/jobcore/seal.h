#ifndef JOBCORE_SEAL_H
#define JOBCORE_SEAL_H

#include <stddef.h>
#include <stdint.h>

/// What may be read by nobody else, made unreadable: AES-256-GCM (NIST SP 800-38D), and digests that tell
/// nothing without the key, HMAC-SHA-256 (FIPS 198-1). One thread at a time.

#define JC_SEAL_KEY_SIZE 32
/// Bytes that a sealed form has more: nonce and tag.
#define JC_SEAL_OVERHEAD 28
#define JC_SEAL_DIGEST_SIZE 32

struct jc_seal;

/// Bytes of the kernel's generator. 0 or a negative errno.
int jc_seal_new_key(uint8_t key[_Nonnull JC_SEAL_KEY_SIZE]) __attribute__((warn_unused_result));

/// Holds what is derived of the key, which is the caller's to wipe. NULL: no memory. Freed, and wiped, by
/// jc_seal_free.
struct jc_seal *_Nullable jc_seal_new(const uint8_t key[_Nonnull JC_SEAL_KEY_SIZE]);
void jc_seal_free(struct jc_seal *_Nullable seal);

/// `sealed` has room for `length` + JC_SEAL_OVERHEAD bytes. `context`: what it belongs to; it opens with the
/// same alone. 0 or a negative errno.
int jc_seal_close(struct jc_seal *_Nonnull seal, const void *_Nonnull context, size_t context_length,
                  const void *_Nullable bytes, size_t length, uint8_t *_Nonnull sealed)
    __attribute__((warn_unused_result));
/// `bytes` has room for `length` - JC_SEAL_OVERHEAD. -EBADMSG: it was closed with another key, for another
/// context, or changed since; then `bytes` is wiped.
int jc_seal_open(struct jc_seal *_Nonnull seal, const void *_Nonnull context, size_t context_length,
                 const uint8_t *_Nonnull sealed, size_t length, void *_Nonnull bytes)
    __attribute__((warn_unused_result));

/// 0 or a negative errno.
int jc_seal_digest(struct jc_seal *_Nonnull seal, const void *_Nonnull bytes, size_t length,
                   uint8_t digest[_Nonnull JC_SEAL_DIGEST_SIZE]) __attribute__((warn_unused_result));

/// Overwrites what must not stay in memory.
void jc_seal_wipe(void *_Nonnull bytes, size_t length);

#endif
