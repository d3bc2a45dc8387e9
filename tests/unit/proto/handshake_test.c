/* handshake: round trip, every split, strangers told by their first wrong byte; client names. */
#include "proto/handshake.h"

#include "base/err.h"
#include "support/check.h"

static const struct handshake sample = {
    .extensions = true,
    .fast = true,
    .dht = true,
    .info_hash = "abcdefghijklmnopqrs",
    .peer_id = "-mr0100-0123456789a",
};

static void push(struct chunked_buffer *b, const uint8_t *data, size_t len) {
    CHECK_INT(chunked_buffer_push_copy(b, check_at_page_end(data, len), len), 0);
}

static void expect_sample(const struct handshake *h) {
    CHECK(h->extensions && h->fast && h->dht);
    CHECK_MEM(h->info_hash, sample.info_hash, 20);
    CHECK_MEM(h->peer_id, sample.peer_id, 20);
}

TEST(handshake_has_its_known_bytes) {
    uint8_t b[HANDSHAKE_LEN];
    handshake_encode(b, &sample);
    CHECK_MEM(b,
              "\x13"
              "BitTorrent protocol\0\0\0\0\0\x10\0\x05"
              "abcdefghijklmnopqrs",
              48);
    CHECK_MEM(b + 48, sample.peer_id, 20);
}

TEST(handshake_tells_each_reserved_bit) {
    static const struct {
        bool extensions, fast, dht;
    } rows[] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct handshake h = sample, got;
        struct chunked_buffer in;
        uint8_t b[HANDSHAKE_LEN];
        h.extensions = rows[i].extensions, h.fast = rows[i].fast, h.dht = rows[i].dht;
        chunked_buffer_init(&in);
        handshake_encode(b, &h);
        push(&in, b, sizeof b);
        CHECK_INT(handshake_decode(&got, &in), 1);
        CHECK_INT(got.extensions, rows[i].extensions);
        CHECK_INT(got.fast, rows[i].fast);
        CHECK_INT(got.dht, rows[i].dht);
        chunked_buffer_fini(&in);
    }
}

TEST(handshake_leaves_what_follows) {
    struct chunked_buffer in;
    struct handshake h;
    uint8_t b[HANDSHAKE_LEN + 3];
    chunked_buffer_init(&in);
    handshake_encode(b, &sample);
    memcpy(b + HANDSHAKE_LEN, "xyz", 3);
    push(&in, b, sizeof b);
    CHECK_INT(handshake_decode(&h, &in), 1);
    expect_sample(&h);
    CHECK_INT(chunked_buffer_length(&in), 3);
    CHECK_INT(chunked_buffer_peek(&in, 0), 'x');
    chunked_buffer_fini(&in);
}

TEST(handshake_is_read_split_at_each_byte) {
    uint8_t b[HANDSHAKE_LEN];
    handshake_encode(b, &sample);
    for (size_t at = 0; at < sizeof b; at++) {
        struct chunked_buffer in;
        struct handshake h;
        chunked_buffer_init(&in);
        push(&in, b, at);
        CHECK_INT(handshake_decode(&h, &in), 0);
        CHECK_INT(chunked_buffer_length(&in), at);
        push(&in, b + at, sizeof b - at);
        CHECK_INT(handshake_decode(&h, &in), 1);
        expect_sample(&h);
        chunked_buffer_fini(&in);
    }
}

TEST(handshake_is_read_byte_by_byte) {
    uint8_t b[HANDSHAKE_LEN];
    struct chunked_buffer in;
    struct handshake h;
    chunked_buffer_init(&in);
    handshake_encode(b, &sample);
    for (size_t i = 0; i < sizeof b; i++) {
        push(&in, b + i, 1);
        CHECK_INT(handshake_decode(&h, &in), i == sizeof b - 1);
    }
    expect_sample(&h);
    chunked_buffer_fini(&in);
}

TEST(handshake_refuses_a_stranger_at_the_first_wrong_byte) {
    uint8_t b[HANDSHAKE_LEN];
    handshake_encode(b, &sample);
    for (size_t wrong = 0; wrong < 20; wrong++) {
        struct chunked_buffer in;
        struct handshake h;
        chunked_buffer_init(&in);
        b[wrong] ^= 0x20;
        push(&in, b, wrong);
        CHECK_INT(handshake_decode(&h, &in), 0);
        push(&in, b + wrong, 1);
        CHECK_INT(handshake_decode(&h, &in), ERR_PROTOCOL);
        CHECK_INT(chunked_buffer_length(&in), wrong + 1);
        b[wrong] ^= 0x20;
        chunked_buffer_fini(&in);
    }
}

TEST(handshake_takes_reserved_bits_that_nobody_knows) {
    uint8_t b[HANDSHAKE_LEN];
    struct chunked_buffer in;
    struct handshake h;
    chunked_buffer_init(&in);
    handshake_encode(b, &sample);
    memset(b + 20, 0xff, 8);
    push(&in, b, sizeof b);
    CHECK_INT(handshake_decode(&h, &in), 1);
    expect_sample(&h);
    chunked_buffer_fini(&in);
}

static void expect_name(const char *id, const char *want) {
    char out[64];
    uint8_t padded[20];
    memset(padded, 0x80, sizeof padded);
    memcpy(padded, id, strlen(id));
    memset(out, 'x', sizeof out);
    client_name(out, check_at_page_end(padded, sizeof padded));
    CHECK_STR(out, want);
}

TEST(client_name_reads_the_styles_of_the_field) {
    static const struct {
        const char *id, *name;
    } rows[] = {
        {"-qB4520-xxxxxxxxxxxx", "qBittorrent 4.5.2"},
        {"-qB4521-xxxxxxxxxxxx", "qBittorrent 4.5.2.1"},
        {"-LT20B0-xxxxxxxxxxxx", "libtorrent 2.0.11"},
        {"-TR411Z-xxxxxxxxxxxx", "Transmission 4.1.1"},
        {"-lt0D60-xxxxxxxxxxxx", "rTorrent 0.13.6"},
        {"-XX1234-xxxxxxxxxxxx", "XX 1.2.3.4"},
        {"S58B-----xxxxxxxxxxx", "Shadow's 5.8.11"},
        {"T03I-----xxxxxxxxxxx", "BitTornado 0.3.18"},
        {"A2-1-37-0-xxxxxxxxxx", "aria2 1.37.0"},
        {"M7-10-5--xxxxxxxxxxx", "Mainline 7.10.5"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_name(rows[i].id, rows[i].name);
}

TEST(client_name_of_an_unknown_style_is_its_printable_part) {
    expect_name("hello world", "hello world");
    expect_name("-qB45", "-qB45");
    expect_name("", "");
}

TEST(client_name_holds_no_control_characters) {
    expect_name("a\x1b[31m", "a");
    expect_name("-\x1b\n4520-", "-");
    expect_name("-qB\x07"
                "520-",
                "-qB");
}
