/* extension: the handshake of the extension protocol (BEP 10).
 *
 *     d 1:m d 11:ut_metadata i1e 6:ut_pex i2e e  13:metadata_size i..e  4:reqq i..e  1:v .. e
 *           ^ name            ^ the number its speaker wants to receive it with
 *
 * The dictionary comes from a peer, so every field stands alone: one that makes no sense is as
 * if it had not been sent, and only bytes that are no dictionary are an error. */
#include "codec/extension.h"

#include <string.h>

#include "codec/bencode.h"
#include "codec/metainfo.h"
#include "codec/printable.h"

#define MAX_HANDSHAKE 65536 /* real ones have a few hundred bytes */

static const char *const names[EXT_COUNT] = {
    [EXT_HANDSHAKE] = "handshake",
    [EXT_METADATA] = "ut_metadata",
    [EXT_PEX] = "ut_pex",
    [EXT_DONTHAVE] = "lt_donthave",
    [EXT_HOLEPUNCH] = "ut_holepunch",
    [EXT_UPLOAD_ONLY] = "upload_only",
};

/* bencode wants the keys of a dictionary sorted. */
static const enum extension_id sorted[] = {EXT_DONTHAVE, EXT_UPLOAD_ONLY, EXT_HOLEPUNCH,
                                           EXT_METADATA, EXT_PEX};

const char *extension_name(enum extension_id id) {
    return (unsigned)id < EXT_COUNT ? names[id] : "?";
}

/* -- decoding -------------------------------------------------------------------------- */

static void read_ids(struct extension_handshake *h, struct bnode m) {
    int64_t v;
    for (size_t i = 0; i < COUNT_OF(sorted); i++)
        if (bencode_get_number(m, names[sorted[i]], UINT8_MAX, &v))
            h->id[sorted[i]] = (uint8_t)v;
}

static void read_yourip(struct extension_handshake *h, struct bnode n) {
    struct span s;
    if (bencode_string(n, &s) && (s.len == 4 || s.len == 16))
        (void)addr_from_compact(&h->yourip, s.data, s.len);
}

static void read_fields(struct extension_handshake *h, struct bnode root) {
    struct span version;
    int64_t v;
    read_ids(h, bencode_get(root, "m"));
    read_yourip(h, bencode_get(root, "yourip"));
    if (bencode_string(bencode_get(root, "v"), &version))
        printable_copy(h->version, sizeof h->version, version);
    if (bencode_get_number(root, "reqq", UINT32_MAX, &v))
        h->reqq = (uint32_t)v;
    if (bencode_get_number(root, "p", UINT16_MAX, &v))
        h->port = (uint16_t)v;
    if (bencode_get_number(root, "metadata_size", METAINFO_MAX_INFO, &v))
        h->metadata_size = (uint32_t)v;
    if (bencode_get_number(root, "upload_only", INT64_MAX, &v))
        h->upload_only = v != 0;
}

/* Bytes behind the dictionary are ignored: some clients send them. */
int extension_handshake_decode(struct extension_handshake *h, const uint8_t *data,
                               size_t len) {
    struct bencode doc;
    size_t used;
    if (len > MAX_HANDSHAKE)
        return ERR_LIMIT;
    int rc = bencode_parse_prefix(&doc, data, len, &used, NULL);
    if (rc < 0)
        return rc;
    rc = bencode_type(bencode_root(&doc)) == BENCODE_DICT ? 0 : ERR_FORMAT;
    if (rc == 0)
        read_fields(h, bencode_root(&doc));
    bencode_free(&doc);
    return rc;
}

/* -- encoding -------------------------------------------------------------------------- */

static void add_number(struct text *out, const char *key, int64_t v) {
    if (v == 0)
        return;
    bencode_adds(out, key);
    bencode_add_int(out, v);
}

static void add_ids(struct text *out, const struct extension_handshake *h) {
    bencode_adds(out, "m");
    text_addc(out, 'd');
    for (size_t i = 0; i < COUNT_OF(sorted); i++)
        add_number(out, names[sorted[i]], h->id[sorted[i]]);
    text_addc(out, 'e');
}

void extension_handshake_encode(struct text *out, const struct extension_handshake *h) {
    text_addc(out, 'd');
    add_ids(out, h);
    add_number(out, "metadata_size", h->metadata_size);
    add_number(out, "p", h->port);
    add_number(out, "reqq", h->reqq);
    if (h->upload_only >= 0) {
        bencode_adds(out, "upload_only");
        bencode_add_int(out, h->upload_only);
    }
    if (h->version[0]) {
        bencode_adds(out, "v");
        bencode_adds(out, h->version);
    }
    if (h->yourip.family) {
        bencode_adds(out, "yourip");
        bencode_add_string(out, h->yourip.ip, h->yourip.family == 4 ? 4 : 16);
    }
    text_addc(out, 'e');
}

/* -- lt_donthave ----------------------------------------------------------------------- */

int extension_donthave_decode(uint32_t *piece, const uint8_t *data, size_t len,
                              uint32_t pieces) {
    if (len != EXT_DONTHAVE_LEN || get_u32(data) >= pieces)
        return ERR_FORMAT;
    *piece = get_u32(data);
    return 0;
}

void extension_donthave_encode(uint8_t out[EXT_DONTHAVE_LEN], uint32_t piece) {
    put_u32(out, piece);
}
