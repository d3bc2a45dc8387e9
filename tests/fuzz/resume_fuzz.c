/* resume_fuzz: a resume file from anywhere, as it is and, because no mutation guesses a digest,
 * also as the dictionary of a file whose digest is right. What is read is written and read
 * again. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/resume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES 13
#define FILES 2

static const uint8_t hash[20] = "abcdefghijklmnopqrs";

static struct resume *parse(const void *data, size_t len) {
    return resume_parse(data, len, hash, PIECES, FILES, NULL);
}

static void round_trip(struct resume *r) {
    struct text t;
    if (!r)
        return;
    text_init(&t);
    resume_write(&t, r);
    struct resume *again = t.failed ? NULL : parse(t.data, t.len);
    if (!again || again->peer_count != r->peer_count ||
        !resume_matches(again, r->files) || again->have.count != r->have.count ||
        again->uploaded != r->uploaded || again->own_trackers != r->own_trackers ||
        again->tracker_count != r->tracker_count)
        abort();
    resume_free(again);
    resume_free(r);
    text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t digest[SHA1_LEN];
    struct text t;
    round_trip(parse(data, size));
    if (sha1(digest, data, size) < 0)
        return 0;
    text_init(&t);
    text_addc(&t, 'l');
    text_add(&t, data, size);
    text_adds(&t, "20:");
    text_add(&t, digest, sizeof digest);
    text_addc(&t, 'e');
    round_trip(parse(t.data, t.len));
    text_free(&t);
    return 0;
}
