/* wire: lengths before bodies, round trips through the table, BEP 6's own example. */
#include "codec/wire.h"

#include "base/bytes.h"
#include "base/err.h"
#include "support/check.h"

TEST(wire_messages_come_back_as_they_went) {
    static const struct {
        struct wire_message m;
        size_t len;
    } rows[] = {
        {{.id = WIRE_CHOKE}, 5},
        {{.id = WIRE_UNCHOKE}, 5},
        {{.id = WIRE_INTERESTED}, 5},
        {{.id = WIRE_NOT_INTERESTED}, 5},
        {{.id = WIRE_HAVE, .index = 0x01020304}, 9},
        {{.id = WIRE_REQUEST, .index = 1, .begin = 16384, .length = 16384}, 17},
        {{.id = WIRE_CANCEL, .index = UINT32_MAX, .begin = 2, .length = 3}, 17},
        {{.id = WIRE_REJECT, .index = 1, .begin = 2, .length = 3}, 17},
        {{.id = WIRE_PIECE, .index = 7, .begin = 32768, .length = 16384}, 13},
        {{.id = WIRE_PORT, .port = 51413}, 7},
        {{.id = WIRE_SUGGEST, .index = 9}, 9},
        {{.id = WIRE_HAVE_ALL}, 5},
        {{.id = WIRE_HAVE_NONE}, 5},
        {{.id = WIRE_ALLOWED_FAST, .index = 9}, 9},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct wire_message *m = &rows[i].m;
        uint8_t b[WIRE_REQUEST_LEN];
        struct wire_message got;
        CHECK_INT(wire_put(b, m), rows[i].len);
        uint32_t length = get_u32(b);
        CHECK_INT(wire_check(b[4], length - 1, 0), 0);
        CHECK_INT(wire_fixed_len(b[4]), rows[i].len - 5);
        wire_decode(&got, b[4], check_at_page_end(b + 5, rows[i].len - 5), length - 1);
        CHECK_MEM(&got, m, sizeof got);
    }
}

TEST(wire_request_has_its_known_bytes) {
    uint8_t b[WIRE_REQUEST_LEN];
    const struct wire_message m = {
        .id = WIRE_REQUEST, .index = 1, .begin = 2, .length = 3};
    CHECK_INT(wire_put(b, &m), 17);
    CHECK_MEM(b, "\0\0\0\x0d\x06\0\0\0\1\0\0\0\2\0\0\0\3", 17);
}

TEST(wire_piece_header_counts_the_payload) {
    uint8_t b[WIRE_REQUEST_LEN];
    const struct wire_message m = {
        .id = WIRE_PIECE, .index = 1, .begin = 2, .length = 16384};
    CHECK_INT(wire_put(b, &m), WIRE_PIECE_HEADER);
    CHECK_MEM(b, "\0\0\x40\x09\x07\0\0\0\1\0\0\0\2", 13);
}

TEST(wire_keepalive_is_a_length_of_zero) {
    uint8_t b[4];
    const struct wire_message m = {.id = WIRE_KEEPALIVE};
    CHECK_INT(wire_put(b, &m), 4);
    CHECK_MEM(b, "\0\0\0\0", 4);
    CHECK_INT(wire_check(WIRE_KEEPALIVE, 0, 10), 0);
}

TEST(wire_headers_are_written_before_bodies) {
    uint8_t b[5];
    CHECK_INT(wire_put_header(b, WIRE_BITFIELD, 257), 5);
    CHECK_MEM(b, "\0\0\1\2\5", 5);
    CHECK_INT(wire_put_simple(b, WIRE_HAVE_ALL), 5);
    CHECK_MEM(b, "\0\0\0\1\x0e", 5);
}

TEST(wire_length_is_checked_per_message_type) {
    static const struct {
        int id;
        uint32_t len; /* the only one */
    } rows[] = {{WIRE_CHOKE, 0},          {WIRE_UNCHOKE, 0},   {WIRE_INTERESTED, 0},
                {WIRE_NOT_INTERESTED, 0}, {WIRE_HAVE, 4},      {WIRE_REQUEST, 12},
                {WIRE_CANCEL, 12},        {WIRE_PORT, 2},      {WIRE_SUGGEST, 4},
                {WIRE_HAVE_ALL, 0},       {WIRE_HAVE_NONE, 0}, {WIRE_REJECT, 12},
                {WIRE_ALLOWED_FAST, 4},   {WIRE_KEEPALIVE, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(wire_check(rows[i].id, rows[i].len, 100), 0);
        CHECK_INT(wire_check(rows[i].id, rows[i].len + 1, 100), ERR_PROTOCOL);
        if (rows[i].len)
            CHECK_INT(wire_check(rows[i].id, rows[i].len - 1, 100), ERR_PROTOCOL);
    }
}

TEST(wire_bitfield_has_the_exact_length) {
    CHECK_INT(wire_check(WIRE_BITFIELD, 13, 100), 0);
    CHECK_INT(wire_check(WIRE_BITFIELD, 12, 96), 0);
    CHECK_INT(wire_check(WIRE_BITFIELD, 12, 97), ERR_PROTOCOL);
    CHECK_INT(wire_check(WIRE_BITFIELD, 14, 100), ERR_PROTOCOL);
    CHECK_INT(wire_check(WIRE_BITFIELD, 0, 100), ERR_PROTOCOL);
}

TEST(wire_bitfield_before_metadata_has_any_length) {
    CHECK_INT(wire_check(WIRE_BITFIELD, 250000, 0), 0);
    CHECK_INT(wire_check(WIRE_BITFIELD, 0, 0), ERR_PROTOCOL);
}

TEST(wire_piece_payload_is_bounded) {
    CHECK_INT(wire_check(WIRE_PIECE, 8 + WIRE_BLOCK, 1), 0);
    CHECK_INT(wire_check(WIRE_PIECE, 7, 1), ERR_PROTOCOL);
    CHECK_INT(wire_check(WIRE_PIECE, 8 + WIRE_MAX_REQUEST, 1), 0);
    CHECK_INT(wire_check(WIRE_PIECE, 8 + WIRE_MAX_REQUEST + 1, 1), ERR_PROTOCOL);
}

TEST(wire_extended_has_at_least_its_number) {
    CHECK_INT(wire_check(WIRE_EXTENDED, 0, 1), ERR_PROTOCOL);
    CHECK_INT(wire_check(WIRE_EXTENDED, 1, 1), 0);
    CHECK_INT(wire_fixed_len(WIRE_EXTENDED), 1);
}

TEST(wire_nothing_over_one_mebibyte_is_accepted) {
    static const int ids[] = {WIRE_BITFIELD, WIRE_EXTENDED, WIRE_PIECE, 99, 255};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        CHECK_INT(wire_check(ids[i], WIRE_MAX_MESSAGE, 0), ERR_LIMIT);
        CHECK_INT(wire_check(ids[i], UINT32_MAX, 0), ERR_LIMIT);
    }
    CHECK_INT(wire_check(WIRE_EXTENDED, WIRE_MAX_MESSAGE - 1, 0), 0);
}

TEST(wire_unknown_messages_may_be_skipped) {
    static const int ids[] = {10, 11, 12, 18, 19, 21, 255, 300, -1};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        CHECK_INT(wire_check(ids[i], 1000, 1), 0);
        CHECK_INT(wire_fixed_len(ids[i]), 0);
        CHECK_STR(wire_name(ids[i]), "?");
    }
}

TEST(wire_names_are_those_of_the_field) {
    CHECK_STR(wire_name(WIRE_HAVE), "HAVE");
    CHECK_STR(wire_name(WIRE_ALLOWED_FAST), "ALLOWED_FAST");
    CHECK_STR(wire_name(WIRE_KEEPALIVE), "KEEPALIVE");
}

TEST(wire_allowed_fast_gives_the_example_of_bep_6) {
    static const uint8_t ip[4] = {80, 4, 4, 200};
    static const uint32_t want[] = {1059, 431, 808, 1217, 287, 376, 1188, 353, 508};
    uint8_t hash[20];
    uint32_t got[9];
    memset(hash, 0xaa, sizeof hash);
    CHECK_INT(wire_allowed_fast(got, 9, ip, hash, 1313), 9);
    CHECK_MEM(got, want, sizeof want);
}

TEST(wire_allowed_fast_of_a_small_torrent_is_all_of_it) {
    static const uint8_t ip[4] = {1, 2, 3, 4}, hash[20] = {0};
    uint32_t got[10] = {0};
    CHECK_INT(wire_allowed_fast(got, 10, ip, hash, 3), 3);
    CHECK(got[0] == 0 && got[1] == 1 && got[2] == 2);
    CHECK_INT(wire_allowed_fast(got, 10, ip, hash, 0), 0);
    CHECK_INT(wire_allowed_fast(got, 10, ip, hash, 11), 10);
}

TEST(wire_allowed_fast_is_not_for_ipv6) {
    static const uint8_t hash[20] = {0};
    uint32_t got[10];
    CHECK_INT(wire_allowed_fast(got, 10, NULL, hash, 100), 0);
}
