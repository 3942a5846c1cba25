// sources: Sources/CJobWire/http_chunked.c Sources/CJobWire/http_fields.c
#include <jobwire/http.h>
#include <stdlib.h>
#include <string.h>

static void require(bool held)
{
    if (!held)
        abort();
}

struct outcome {
    int result;
    size_t used, made;
    char *body;
};

/// Decodes `size` bytes in pieces of `step`, each in a buffer of its own so that no byte outside it is
/// touched unseen.
static struct outcome decode(const uint8_t *data, size_t size, size_t step)
{
    struct jw_chunked chunked = {0};
    struct outcome all = {.body = malloc(size + 1)};
    require(all.body != NULL);
    while (all.result == 0 && all.used < size) {
        size_t piece = size - all.used < step ? size - all.used : step, used = 0, made = 0;
        char *copy = malloc(piece);
        require(copy != NULL);
        memcpy(copy, data + all.used, piece);
        all.result = jw_chunked_decode(&chunked, copy, piece, &used, &made);
        if (all.result >= 0) {
            require(made <= used && used <= piece && (used == piece || all.result == 1));
            memcpy(all.body + all.made, copy, made);
            all.used += used;
            all.made += made;
        }
        free(copy);
    }
    return all;
}

/// The result must not depend on how the bytes were cut.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = decode(data, size, size + 1);
    for (size_t step = 1; step <= 7; step += 3) {
        struct outcome cut = decode(data, size, step);
        require(cut.result == whole.result);
        if (whole.result >= 0)
            require(cut.used == whole.used && cut.made == whole.made &&
                    memcmp(cut.body, whole.body, whole.made) == 0);
        free(cut.body);
    }
    free(whole.body);
    return 0;
}
