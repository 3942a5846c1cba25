#include <errno.h>
#include <jobcore/seal.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NONCE = 12, TAG = 16 };
_Static_assert(NONCE + TAG == JC_SEAL_OVERHEAD, "what a sealed form begins and ends with");

struct jc_seal {
    EVP_CIPHER_CTX *cipher;
    uint8_t cipher_key[JC_SEAL_KEY_SIZE], digest_key[JC_SEAL_KEY_SIZE];
};

static bool take_digest(const uint8_t key[JC_SEAL_KEY_SIZE], const void *bytes, size_t length,
                        uint8_t *digest)
{
    unsigned size = JC_SEAL_DIGEST_SIZE;
    return HMAC(EVP_sha256(), key, JC_SEAL_KEY_SIZE, bytes, length, digest, &size) != NULL;
}

/// A key of its own for each use.
static bool derive(const uint8_t key[JC_SEAL_KEY_SIZE], const char *use, uint8_t derived[JC_SEAL_KEY_SIZE])
{
    return take_digest(key, use, strlen(use), derived);
}

int jc_seal_new_key(uint8_t key[JC_SEAL_KEY_SIZE])
{
    return getentropy(key, JC_SEAL_KEY_SIZE) < 0 ? -errno : 0;
}

struct jc_seal *jc_seal_new(const uint8_t key[JC_SEAL_KEY_SIZE])
{
    struct jc_seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL)
        return NULL;
    seal->cipher = EVP_CIPHER_CTX_new();
    if (seal->cipher != NULL && derive(key, "jobd seal", seal->cipher_key) &&
        derive(key, "jobd digest", seal->digest_key))
        return seal;
    jc_seal_free(seal);
    return NULL;
}

void jc_seal_free(struct jc_seal *seal)
{
    if (seal == NULL)
        return;
    EVP_CIPHER_CTX_free(seal->cipher);
    OPENSSL_cleanse(seal, sizeof *seal);
    free(seal);
}

/// With the cipher's state gone afterwards, whatever became of it.
static bool encrypt(struct jc_seal *seal, const void *context, size_t context_length, const void *bytes,
                    size_t length, uint8_t *sealed)
{
    EVP_CIPHER_CTX *cipher = seal->cipher;
    uint8_t *text = sealed + NONCE;
    int count = 0;
    const bool done = EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, seal->cipher_key, sealed) == 1 &&
                      EVP_EncryptUpdate(cipher, NULL, &count, context, (int)context_length) == 1 &&
                      (length == 0 || EVP_EncryptUpdate(cipher, text, &count, bytes, (int)length) == 1) &&
                      EVP_EncryptFinal_ex(cipher, text + length, &count) == 1 &&
                      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, text + length) == 1;
    EVP_CIPHER_CTX_reset(cipher);
    return done;
}

static bool decrypt(struct jc_seal *seal, const void *context, size_t context_length, const uint8_t *sealed,
                    size_t length, uint8_t *bytes)
{
    EVP_CIPHER_CTX *cipher = seal->cipher;
    const uint8_t *text = sealed + NONCE;
    int count = 0;
    const bool done = EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, seal->cipher_key, sealed) == 1 &&
                      EVP_DecryptUpdate(cipher, NULL, &count, context, (int)context_length) == 1 &&
                      (length == 0 || EVP_DecryptUpdate(cipher, bytes, &count, text, (int)length) == 1) &&
                      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(text + length)) == 1 &&
                      EVP_DecryptFinal_ex(cipher, bytes + length, &count) == 1;
    EVP_CIPHER_CTX_reset(cipher);
    return done;
}

int jc_seal_close(struct jc_seal *seal, const void *context, size_t context_length, const void *bytes,
                  size_t length, uint8_t *sealed)
{
    if (length > INT_MAX || context_length > INT_MAX)
        return -EMSGSIZE;
    if (getentropy(sealed, NONCE) < 0)
        return -errno;
    return encrypt(seal, context, context_length, bytes, length, sealed) ? 0 : -EIO;
}

int jc_seal_open(struct jc_seal *seal, const void *context, size_t context_length, const uint8_t *sealed,
                 size_t length, void *bytes)
{
    if (length < JC_SEAL_OVERHEAD || length > INT_MAX || context_length > INT_MAX)
        return -EBADMSG;
    length -= JC_SEAL_OVERHEAD;
    if (decrypt(seal, context, context_length, sealed, length, bytes))
        return 0;
    OPENSSL_cleanse(bytes, length);
    return -EBADMSG;
}

int jc_seal_digest(struct jc_seal *seal, const void *bytes, size_t length,
                   uint8_t digest[JC_SEAL_DIGEST_SIZE])
{
    return take_digest(seal->digest_key, bytes, length, digest) ? 0 : -EIO;
}

void jc_seal_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}
