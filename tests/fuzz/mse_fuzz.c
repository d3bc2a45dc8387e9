/* Any bytes for either side of the MSE handshake, whole and split where the third byte says:
 * both ways must come to one answer. Bytes as they are get as far as the key; so by a bit of
 * the first byte a peer that knows the torrent goes ahead, and encrypts them as his fields,
 * pads and payload. All secrets are fixed.
 *
 *     [side, policy, plaintext, ahead][pad][split at][bytes ...] */
#include <stdlib.h>

#define CHECK(cond)  \
    do {             \
        if (!(cond)) \
            abort(); \
    } while (0)
#include "support/mse_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INITIATOR = 1,
    PLAINTEXT = 2,
    AHEAD = 4
}; /* bits of the first byte; then the policy */

static void begin(struct side *s, uint8_t flags, uint8_t pad) {
    struct mse_options options = {(enum mse_policy)(flags >> 3 & 3) % 3,
                                  flags & PLAINTEXT};
    if (flags & INITIATOR)
        dial(s, options);
    else
        answer(s, options);
    s->pad = pad * 2u;
    hear(s, NULL, 0);
}

/* To where the initiator reads his VC, and the responder the fields. */
static void go_ahead(struct fake *f, struct side *s, uint8_t flags, uint8_t pad) {
    uint8_t noise[UINT8_MAX] = {0};
    if (flags & INITIATOR) {
        fake_keys(f, s, "keyA", "keyB");
        say_fake_key(s);
        hear(s, noise, pad);
    } else {
        be_known(f, s);
    }
}

static void run(struct side *s, const uint8_t *data, size_t size, size_t at) {
    const struct {
        const uint8_t *data;
        size_t len;
    } parts[] = {{data + 3, at}, {data + 3 + at, size - 3 - at}};
    struct fake f;
    begin(s, data[0], data[1]);
    bool ahead = data[0] & AHEAD && s->m.options.policy != MSE_OFF;
    if (ahead)
        go_ahead(&f, s, data[0], data[1]);
    for (size_t i = 0; i < COUNT_OF(parts) && s->rc == 0; i++)
        if (ahead)
            say(&f, s, parts[i].data, parts[i].len);
        else
            hear(s, parts[i].data, parts[i].len);
}

static bool same_text(const struct text *a, const struct text *b) {
    return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct side whole, split;
    if (size < 3)
        return 0;
    run(&whole, data, size, size - 3);
    run(&split, data, size, MIN(data[2], size - 3));
    CHECK(whole.rc == split.rc && same_text(&whole.out, &split.out));
    CHECK(whole.m.encrypted == split.m.encrypted);
    /* What follows a split after the last step is not the machine's any more. */
    CHECK(split.m.rest.len <= whole.m.rest.len);
    CHECK(!split.m.rest.len ||
          !memcmp(split.m.rest.data, whole.m.rest.data, split.m.rest.len));
    side_fini(&whole);
    side_fini(&split);
    return 0;
}
