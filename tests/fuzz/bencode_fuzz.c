/* Any bytes: parse, then walk every value that was found and write it again. What is written
 * must be what was read, for the parser takes canonical numbers and strings only. */
#include <stdlib.h>
#include <string.h>

#include "codec/bencode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

/* As deep as the parser lets values nest. */
static void write_value(struct text *t, struct bnode n) {
    struct span s;
    int64_t v;
    if (bencode_int(n, &v)) {
        bencode_add_int(t, v);
    } else if (bencode_string(n, &s)) {
        bencode_add_string(t, s.data, s.len);
    } else {
        text_addc(t, bencode_type(n) == BENCODE_DICT ? 'd' : 'l');
        for (struct bnode m = bencode_first(n); m.doc; m = bencode_next(m)) {
            struct span key = bencode_key(m);
            if (key.data)
                bencode_add_string(t, key.data, key.len);
            write_value(t, m);
        }
        text_addc(t, 'e');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bencode doc;
    struct text t;
    size_t used;
    if (bencode_parse_prefix(&doc, data, size, &used, NULL) < 0)
        return 0;
    text_init(&t);
    write_value(&t, bencode_root(&doc));
    require(t.len == used && memcmp(t.data, data, used) == 0);
    static const char key[] = "no such key"; /* the fuzzer comes up with it in time */
    require(!bencode_get(bencode_root(&doc), key).doc ||
            memmem(data, used, key, sizeof key - 1));
    text_free(&t);
    bencode_free(&doc);
    return 0;
}
