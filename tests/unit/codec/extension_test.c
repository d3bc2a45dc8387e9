/* extension: the handshake read, updated, bounded, and written. */
#include "codec/extension.h"

#include "support/check.h"

static int decode(struct extension_handshake *h, const char *s) {
    size_t len = strlen(s);
    return extension_handshake_decode(h, check_at_page_end(s, len), len);
}

static const struct extension_handshake fresh = {.upload_only = -1};

TEST(extension_reads_all_fields) {
    struct extension_handshake h = fresh;
    CHECK_INT(
        decode(&h, "d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e"
                   "4:reqqi250e11:upload_onlyi1e1:v9:mare 1.2\n6:yourip4:\x7f\x01\x01\x01"
                   "e"),
        0);
    CHECK_INT(h.id[EXT_METADATA], 3);
    CHECK_INT(h.id[EXT_PEX], 1);
    CHECK_INT(h.id[EXT_DONTHAVE], 0);
    CHECK_INT(h.metadata_size, 31235);
    CHECK_INT(h.port, 6881);
    CHECK_INT(h.reqq, 250);
    CHECK_INT(h.upload_only, 1);
    CHECK_STR(h.version, "mare 1.2 ");
    CHECK_INT(h.yourip.family, 4);
    CHECK_MEM(h.yourip.ip, "\x7f\x01\x01\x01", 4);
    CHECK_INT(h.yourip.port, 0);
}

TEST(extension_second_handshake_changes_what_it_names) {
    struct extension_handshake h = fresh;
    CHECK_INT(decode(&h, "d1:md11:ut_metadatai3e6:ut_pexi1ee4:reqqi250ee"), 0);
    CHECK_INT(decode(&h, "d1:md6:ut_pexi0eee"), 0);
    CHECK_INT(h.id[EXT_METADATA], 3);
    CHECK_INT(h.id[EXT_PEX], 0);
    CHECK_INT(h.reqq, 250);
    CHECK_INT(h.upload_only, -1);
}

TEST(extension_ignores_numbers_out_of_range) {
    struct extension_handshake h = fresh;
    CHECK_INT(decode(&h, "d1:md11:ut_metadatai256e6:ut_pexi-1ee13:metadata_sizei31457281e"
                         "1:pi65536e4:reqqi4294967296e11:upload_onlyi-1e6:yourip3:abce"),
              0);
    CHECK_MEM(&h, &fresh, sizeof h);
}

TEST(extension_metadata_size_is_bounded) {
    struct extension_handshake h = fresh;
    CHECK_INT(decode(&h, "d13:metadata_sizei31457280ee"), 0);
    CHECK_INT(h.metadata_size, 31457280);
}

TEST(extension_ignores_fields_of_the_wrong_type) {
    struct extension_handshake h = fresh;
    CHECK_INT(decode(&h, "d1:mi1e13:metadata_size1:x1:p0:4:reqqle1:vi1e6:youripi1ee"), 0);
    CHECK_MEM(&h, &fresh, sizeof h);
}

TEST(extension_version_is_printable_and_cut) {
    struct extension_handshake h = fresh;
    char text[128] = "d1:v100:\x1b[31m\xff", tail[] = "ee";
    size_t start = strlen("d1:v100:"), used = strlen(text);
    memset(text + used, 'a', start + 100 - used);
    memcpy(text + start + 100, tail, 2);
    CHECK_INT(decode(&h, text), 0);
    CHECK_INT(strlen(h.version), 63);
    CHECK_MEM(h.version, "?[31m?aaa", 9);
}

TEST(extension_ignores_bytes_behind_the_dictionary) {
    struct extension_handshake h = fresh;
    CHECK_INT(decode(&h, "d4:reqqi5ee\r\n"), 0);
    CHECK_INT(h.reqq, 5);
}

TEST(extension_refuses_what_is_no_dictionary) {
    static const char *const texts[] = {"", "le", "i1e", "d", "d1:m", "hello"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct extension_handshake h = fresh;
        CHECK_INT(decode(&h, texts[i]), ERR_FORMAT);
        CHECK_MEM(&h, &fresh, sizeof h);
    }
}

TEST(extension_handshake_size_is_bounded) {
    struct extension_handshake h = fresh;
    uint8_t *data = calloc(1, 70000);
    CHECK(data);
    memcpy(data, "de", 2);
    CHECK_INT(extension_handshake_decode(&h, data, 65536), 0);
    CHECK_INT(extension_handshake_decode(&h, data, 65537), ERR_LIMIT);
    free(data);
}

TEST(extension_comes_back_as_it_went) {
    struct extension_handshake h = {.version = "mare 0.1",
                                    .reqq = 2000,
                                    .port = 6881,
                                    .metadata_size = 5000,
                                    .upload_only = 0},
                               got = fresh;
    struct text t;
    for (uint8_t i = 1; i < EXT_COUNT; i++)
        h.id[i] = i;
    h.yourip.family = 6;
    h.yourip.ip[0] = 0x20;
    text_init(&t);
    extension_handshake_encode(&t, &h);
    CHECK_INT(extension_handshake_decode(&got, (const uint8_t *)t.data, t.len), 0);
    CHECK_MEM(&got, &h, sizeof h);
    text_free(&t);
}

TEST(extension_leaves_out_what_is_not_given) {
    struct text t;
    text_init(&t);
    extension_handshake_encode(&t, &fresh);
    CHECK_STR(t.data, "d1:mdee");
    text_free(&t);
}

TEST(extension_writes_sorted_keys) {
    struct extension_handshake h = fresh;
    struct text t;
    for (uint8_t i = 1; i < EXT_COUNT; i++)
        h.id[i] = i;
    text_init(&t);
    extension_handshake_encode(&t, &h);
    CHECK_STR(t.data, "d1:md11:lt_donthavei3e11:upload_onlyi5e12:ut_holepunchi4e"
                      "11:ut_metadatai1e6:ut_pexi2eee");
    text_free(&t);
}

TEST(extension_names_its_messages) {
    CHECK_STR(extension_name(EXT_METADATA), "ut_metadata");
    CHECK_STR(extension_name(EXT_COUNT), "?");
}

TEST(extension_changes_nothing_when_memory_is_out) {
    static const char text[] = "d1:md6:ut_pexi1eee";
    CHECK_EACH_NOMEM(n) {
        struct extension_handshake h = fresh;
        int rc = extension_handshake_decode(&h, (const uint8_t *)text, sizeof text - 1);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(h.id[EXT_PEX], rc == 0);
    }
}

TEST(extension_donthave_is_the_number_of_a_piece) {
    uint8_t bytes[4];
    uint32_t piece = 0;
    extension_donthave_encode(bytes, 0x01020304);
    CHECK_MEM(bytes, "\1\2\3\4", 4);
    CHECK_INT(extension_donthave_decode(&piece, bytes, 4, 0x01020305), 0);
    CHECK_INT(piece, 0x01020304);
}

TEST(extension_donthave_must_be_exact_and_of_a_piece_that_there_is) {
    static const uint8_t bytes[8] = {0, 0, 0, 7};
    uint32_t piece = 99;
    for (size_t len = 0; len <= sizeof bytes; len++)
        CHECK_INT(
            extension_donthave_decode(&piece, check_at_page_end(bytes, len), len, 8),
            len == 4 ? 0 : ERR_FORMAT);
    piece = 99;
    CHECK_INT(extension_donthave_decode(&piece, bytes, 4, 7), ERR_FORMAT);
    CHECK_INT(extension_donthave_decode(&piece, bytes, 4, 0), ERR_FORMAT);
    CHECK_INT(piece, 99);
}
