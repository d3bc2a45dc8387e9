/* ut_metadata: the three messages, and what a hostile peer makes of them. */
#include "codec/ut_metadata.h"

#include "codec/metainfo.h"
#include "support/check.h"

static int decode(struct ut_metadata *m, const char *s, size_t len) {
    return ut_metadata_decode(m, check_at_page_end(s, len), len);
}

static void expect_same(const struct ut_metadata *m, const char *want) {
    struct ut_metadata again;
    struct text t;
    text_init(&t);
    ut_metadata_encode(&t, m);
    CHECK_STR(t.data, want);
    CHECK_INT(decode(&again, t.data, t.len), 0);
    CHECK_INT(again.type, m->type);
    CHECK_INT(again.piece, m->piece);
    CHECK_INT(again.total_size, m->total_size);
    CHECK_INT(again.payload.len, m->payload.len);
    text_free(&t);
}

TEST(ut_metadata_reads_what_it_writes) {
    expect_same(&(struct ut_metadata){.type = METADATA_REQUEST},
                "d8:msg_typei0e5:piecei0ee");
    expect_same(
        &(struct ut_metadata){METADATA_DATA, 2, 32770, {(const uint8_t *)"ab", 2}},
        "d8:msg_typei1e5:piecei2e10:total_sizei32770eeab");
    expect_same(&(struct ut_metadata){.type = METADATA_REJECT, .piece = 7},
                "d8:msg_typei2e5:piecei7ee");
}

TEST(ut_metadata_payload_is_a_view) {
    static const char s[] = "d8:msg_typei1e5:piecei0e10:total_sizei3eexyz";
    struct ut_metadata m;
    CHECK_INT(ut_metadata_decode(&m, (const uint8_t *)s, sizeof s - 1), 0);
    CHECK((const char *)m.payload.data == s + sizeof s - 4);
    CHECK_INT(m.payload.len, 3);
}

TEST(ut_metadata_takes_and_refuses) {
    static const struct {
        const char *text;
        int rc;
    } rows[] = {
        {"", ERR_FORMAT},
        {"le", ERR_FORMAT},
        {"i1e", ERR_FORMAT},
        {"de", ERR_FORMAT},
        {"d8:msg_typei0ee", ERR_FORMAT},
        {"d8:msg_type1:05:piecei0ee", ERR_FORMAT},
        {"d8:msg_typei0e5:piecei-1ee", ERR_FORMAT},
        {"d8:msg_typei0e5:piecei1920ee", ERR_FORMAT},
        {"d8:msg_typei0e5:piecei1919ee", 0},
        {"d8:msg_typei0e5:piecei9223372036854775807ee", ERR_FORMAT},
        {"d8:msg_typei3e5:piecei0ee", ERR_UNSUPPORTED},
        {"d8:msg_typei-1e5:piecei0ee", ERR_UNSUPPORTED},
        {"d8:msg_typei4294967296e5:piecei0ee", ERR_UNSUPPORTED},
        {"d8:msg_typei1e5:piecei0ee", ERR_FORMAT},
        {"d8:msg_typei1e5:piecei0eex", 0},
        {"d8:msg_typei1e5:piecei0e10:total_sizei31457280eex", 0},
        {"d8:msg_typei1e5:piecei0e10:total_sizei31457281eex", ERR_LIMIT},
        {"d8:msg_typei1e5:piecei0e10:total_sizei-1eex", ERR_LIMIT},
        {"d8:msg_typei0e5:piecei0eetail", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ut_metadata m;
        int rc = decode(&m, rows[i].text, strlen(rows[i].text));
        if (rc != rows[i].rc)
            check_fail(__FILE__, __LINE__, "\"%s\": %d", rows[i].text, rc);
    }
}

TEST(ut_metadata_length_of_data_is_bounded) {
    static const char head[] = "d8:msg_typei1e5:piecei0ee";
    static char s[METADATA_MAX_MESSAGE + 1];
    struct ut_metadata m;
    size_t n = sizeof head - 1;
    memcpy(s, head, n);
    CHECK_INT(decode(&m, s, n + METADATA_PIECE), 0);
    CHECK_INT(decode(&m, s, n + METADATA_PIECE + 1), ERR_LIMIT);
    CHECK_INT(decode(&m, s, sizeof s), ERR_LIMIT);
}

TEST(ut_metadata_survives_being_cut_anywhere) {
    static const char s[] = "d8:msg_typei1e5:piecei0e10:total_sizei3ee";
    struct ut_metadata m;
    for (size_t len = 0; len < sizeof s; len++)
        CHECK_INT(decode(&m, s, len), ERR_FORMAT);
}

TEST(ut_metadata_counts_pieces) {
    CHECK_INT(metadata_pieces(1), 1);
    CHECK_INT(metadata_pieces(16384), 1);
    CHECK_INT(metadata_pieces(16385), 2);
    CHECK_INT(metadata_pieces(METAINFO_MAX_INFO), 1920);
    CHECK_INT(metadata_piece_len(16385, 0), 16384);
    CHECK_INT(metadata_piece_len(16385, 1), 1);
    CHECK_INT(metadata_piece_len(16384, 0), 16384);
}

TEST(ut_metadata_says_when_memory_is_out) {
    static const char s[] = "d8:msg_typei1e5:piecei0eex";
    CHECK_EACH_NOMEM(n) {
        struct ut_metadata m;
        int rc = ut_metadata_decode(&m, (const uint8_t *)s, sizeof s - 1);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
    }
}
