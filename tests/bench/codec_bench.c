/* codec_bench: messages and bencode, per second of one core.
 *
 * Messages: a stream of what peers say between blocks (HAVE mostly, requests, cancels, choking),
 * through the wire reader as packets of 1,400 bytes and of 16 KiB, and the bare table with neither
 * buffer nor hooks, which is the floor. Bencode: a .torrent of 20,000 pieces and 1,000 files
 * parsed, and looked through; a tracker's answer with 200 peers; an extension handshake.
 *
 *     make build/tests/bench/codec_bench && build/tests/bench/codec_bench [ROUNDS] */
#include "bench.h"
#include "codec/bencode.h"
#include "measure.h"
#include "proto/wire_reader.h"

#define MESSAGES 400000u
#define PIECES 20000u
#define FILES 1000

/* ---- messages ---------------------------------------------------------------------- */

struct stream {
    struct text bytes;
    size_t packet;
    uint64_t seen;
};

static struct wire_message message_number(uint32_t i) {
    static const int kinds[] = {WIRE_HAVE,    WIRE_HAVE,   WIRE_HAVE,    WIRE_HAVE,
                                WIRE_HAVE,    WIRE_HAVE,   WIRE_REQUEST, WIRE_REQUEST,
                                WIRE_REQUEST, WIRE_CANCEL, WIRE_UNCHOKE, WIRE_KEEPALIVE};
    return (struct wire_message){kinds[i * 7 % COUNT_OF(kinds)], i % PIECES,
                                 i % 64 * WIRE_BLOCK, WIRE_BLOCK, 0};
}

static void make_stream(struct stream *s, size_t packet) {
    *s = (struct stream){.packet = packet};
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint8_t raw[WIRE_REQUEST_LEN];
        struct wire_message m = message_number(i);
        text_add(&s->bytes, raw, wire_put(raw, &m));
    }
}

static int on_message(void *of, const struct wire_message *m) {
    struct stream *s = of;
    s->seen += (uint64_t)m->id + 1;
    return 0;
}

static const struct wire_hooks hooks = {.on_message = on_message};

static double run_reader(void *of) {
    struct stream *s = of;
    struct wire_reader r;
    wire_reader_init(&r, &hooks, s, false);
    r.greeted = true, r.pieces = PIECES;
    for (size_t at = 0; at < s->bytes.len; at += s->packet)
        if (wire_reader_push(&r, (const uint8_t *)s->bytes.data + at,
                             MIN(s->packet, s->bytes.len - at)) < 0)
            die("push");
    wire_reader_fini(&r);
    return MESSAGES / 1e6;
}

static double run_table(void *of) {
    struct stream *s = of;
    const uint8_t *p = (const uint8_t *)s->bytes.data, *end = p + s->bytes.len;
    for (uint32_t len; p < end; p += 4 + len) {
        struct wire_message m = {.id = WIRE_KEEPALIVE};
        len = get_u32(p);
        if (len > 0 && wire_check(p[4], len - 1, PIECES) < 0)
            die("check");
        if (len > 0)
            wire_decode(&m, p[4], p + 5, len - 1);
        on_message(s, &m);
    }
    return MESSAGES / 1e6;
}

static void compare_messages(int rounds) {
    struct stream packets, blocks;
    make_stream(&packets, 1400);
    make_stream(&blocks, WIRE_BLOCK);
    struct contender c[] = {{"table alone", run_table, &blocks},
                            {"reader, 16 KiB at a time", run_reader, &blocks},
                            {"reader, 1,400 bytes at a time", run_reader, &packets}};
    compare("parse messages", "million/s", rounds, c, COUNT_OF(c));
    text_free(&packets.bytes), text_free(&blocks.bytes);
}

/* ---- bencode ----------------------------------------------------------------------- */

struct document {
    struct text text;
    uint32_t repeat;
};

static void add_file(struct text *t, int number) {
    char name[32];
    snprintf(name, sizeof name, "file number %d.bin", number);
    text_adds(t, "d");
    bencode_adds(t, "length");
    bencode_add_int(t, (int64_t)PIECES * (int64_t)MIB / FILES);
    bencode_adds(t, "path");
    text_adds(t, "l");
    bencode_adds(t, "directory");
    bencode_adds(t, name);
    text_adds(t, "ee");
}

static void make_torrent(struct text *t) {
    char *hashes = must(malloc(PIECES * 20));
    memset(hashes, 'h', PIECES * 20);
    text_adds(t, "d");
    bencode_adds(t, "announce");
    bencode_adds(t, "http://tracker.example/announce");
    bencode_adds(t, "info");
    text_adds(t, "d");
    bencode_adds(t, "files");
    text_adds(t, "l");
    for (int i = 0; i < FILES; i++)
        add_file(t, i);
    text_adds(t, "e");
    bencode_adds(t, "name");
    bencode_adds(t, "torrent");
    bencode_adds(t, "piece length");
    bencode_add_int(t, (int64_t)MIB);
    bencode_adds(t, "pieces");
    bencode_add_string(t, hashes, PIECES * 20);
    text_adds(t, "ee");
    free(hashes);
}

static void make_answer(struct text *t) {
    char peers[200 * 6] = {1};
    text_adds(t, "d8:completei100e10:incompletei100e8:intervali1800e5:peers");
    bencode_add_string(t, peers, sizeof peers);
    text_adds(t, "e");
}

static void make_extensions(struct text *t) {
    text_adds(t, "d1:md11:upload_onlyi3e11:ut_metadatai1e6:ut_pexi2ee13:metadata_size"
                 "i31235e1:pi6881e4:reqqi500e1:v10:mare 0.1.06:yourip4:");
    text_add(t, "\x7f\0\0\1", 4);
    text_adds(t, "e");
}

static double run_parse(void *of) {
    struct document *d = of;
    for (uint32_t i = 0; i < d->repeat; i++) {
        struct bencode doc;
        struct err e;
        if (bencode_parse(&doc, (const uint8_t *)d->text.data, d->text.len, &e) < 0) {
            fprintf(stderr, "codec_bench: %s\n", e.text);
            exit(3);
        }
        bencode_free(&doc);
    }
    return d->repeat / 1e3;
}

static void compare_documents(int rounds) {
    static const char *const names[] = {
        "extension handshake", "tracker answer, 200 peers", "torrent, 1,000 files"};
    void (*const make[])(struct text * t) = {make_extensions, make_answer, make_torrent};
    static const uint32_t repeat[] = {200000, 200000, 500};
    struct document d[COUNT_OF(names)] = {0};
    struct contender c[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        make[i](&d[i].text);
        d[i].repeat = repeat[i];
        c[i] = (struct contender){names[i], run_parse, &d[i]};
    }
    compare("parse bencode", "thousand/s", rounds, c, COUNT_OF(c));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        text_free(&d[i].text);
}

int main(int argc, char **argv) {
    compare_messages(rounds_of(argc, argv));
    compare_documents(rounds_of(argc, argv));
    return 0;
}
