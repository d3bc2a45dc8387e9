/* ut_metadata: see the header. Numbers are bounded by the largest info dictionary that we
 * accept, so whoever works with them afterwards cannot overflow. */
#include "codec/ut_metadata.h"

#include "codec/bencode.h"
#include "codec/metainfo.h"

static bool get_number(struct bnode dict, const char *key, int64_t max, uint32_t *out) {
    int64_t v;
    if (!bencode_get_number(dict, key, max, &v))
        return false;
    *out = (uint32_t)v;
    return true;
}

static int read_data(struct ut_metadata *m, struct bnode root, struct span payload) {
    struct bnode total = bencode_get(root, "total_size");
    if (payload.len == 0)
        return ERR_FORMAT;
    if (payload.len > METADATA_PIECE)
        return ERR_LIMIT;
    if (total.doc && !get_number(root, "total_size", METAINFO_MAX_INFO, &m->total_size))
        return ERR_LIMIT;
    m->payload = payload;
    return 0;
}

static int read_message(struct ut_metadata *m, struct bnode root, struct span rest) {
    int64_t type;
    if (!bencode_int(bencode_get(root, "msg_type"), &type))
        return ERR_FORMAT;
    if (type < METADATA_REQUEST || type > METADATA_REJECT)
        return ERR_UNSUPPORTED;
    m->type = (enum ut_metadata_type)type;
    if (!get_number(root, "piece", metadata_pieces(METAINFO_MAX_INFO) - 1, &m->piece))
        return ERR_FORMAT;
    return m->type == METADATA_DATA ? read_data(m, root, rest) : 0;
}

int ut_metadata_decode(struct ut_metadata *m, const uint8_t *data, size_t len) {
    struct bencode doc;
    size_t used;
    *m = (struct ut_metadata){0};
    if (len > METADATA_MAX_MESSAGE)
        return ERR_LIMIT;
    int rc = bencode_parse_prefix(&doc, data, len, &used, NULL);
    if (rc < 0)
        return rc;
    rc = read_message(m, bencode_root(&doc), (struct span){data + used, len - used});
    bencode_free(&doc);
    return rc;
}

void ut_metadata_encode(struct text *out, const struct ut_metadata *m) {
    text_addf(out, "d8:msg_typei%de5:piecei%ue", (int)m->type, m->piece);
    if (m->type == METADATA_DATA)
        text_addf(out, "10:total_sizei%ue", m->total_size);
    text_addc(out, 'e');
    if (m->type == METADATA_DATA)
        text_add(out, m->payload.data, m->payload.len);
}
