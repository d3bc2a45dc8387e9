/* wire_reader: every message however it is cut, predicted blocks in their places,
 * wrong guesses moved out of the way, bounds, hooks that fail; and that nothing of it
 * shows in what the hooks see. The owner, the peer and the kernel of these tests are
 * in support/wire_owner.h. */
#include "proto/wire_reader.h"

#include "support/check.h"
#include "support/wire_owner.h"

static const struct cut whole = {0};
static const struct cut byte_by_byte = {.limit = 1};

/* An owner whose peer has said hello. */
static void greeted_owner(struct owner *o, bool scatter) {
    struct text t;
    text_init(&t);
    say_hello(&t);
    owner_init(o, scatter);
    CHECK_INT(feed(o, &t, whole), 0);
    text_free(&t);
    text_clear(&o->log);
}

static const char *log_of(const struct owner *o) {
    return o->log.data ? o->log.data : "";
}

static size_t count_lines(const struct owner *o, const char *end) {
    size_t n = 0;
    for (const char *p = log_of(o); (p = strstr(p, end)); p++)
        n++;
    return n;
}

/* A new reader gets the stream in this cut and must log this. */
static void expect_log(const struct text *stream, struct cut cut, const char *log) {
    for (int scatter = 0; scatter < 2; scatter++) {
        struct owner o;
        greeted_owner(&o, scatter);
        CHECK_INT(feed(&o, stream, cut), 0);
        CHECK_STR(log_of(&o), log);
        owner_fini(&o);
    }
}

static void expect_log_split_at(const struct text *stream, size_t at, const char *log) {
    for (int scatter = 0; scatter < 2; scatter++) {
        struct owner o;
        greeted_owner(&o, scatter);
        CHECK_INT(feed_part(&o, stream, 0, at, whole), 0);
        CHECK_INT(feed_part(&o, stream, at, stream->len, whole), 0);
        CHECK_STR(log_of(&o), log);
        owner_fini(&o);
    }
}

/* ---- every message, however it is cut ---------------------------------------------- */

static const struct {
    struct wire_message m;
    uint32_t body; /* of a BITFIELD, EXTENDED or unknown message */
    const char *log;
} messages[] = {
    {{WIRE_KEEPALIVE, 0, 0, 0, 0}, 0, "KEEPALIVE 0 0 0\n"},
    {{WIRE_CHOKE, 0, 0, 0, 0}, 0, "CHOKE 0 0 0\n"},
    {{WIRE_UNCHOKE, 0, 0, 0, 0}, 0, "UNCHOKE 0 0 0\n"},
    {{WIRE_INTERESTED, 0, 0, 0, 0}, 0, "INTERESTED 0 0 0\n"},
    {{WIRE_NOT_INTERESTED, 0, 0, 0, 0}, 0, "NOT_INTERESTED 0 0 0\n"},
    {{WIRE_HAVE, 66000, 0, 0, 0}, 0, "HAVE 66000 0 0\n"},
    {{WIRE_BITFIELD, 0, 0, 0, 0}, 1, "BITFIELD 1 bytes, 00000000\n"},
    {{WIRE_REQUEST, 1, 2, 3, 0}, 0, "REQUEST 1 2 3\n"},
    {{WIRE_PIECE, 0, 0, BLOCK, 0}, 0, "PIECE 0 0 48\n  PIECE 0 0 48 good\n"},
    {{WIRE_CANCEL, 1, 2, 3, 0}, 0, "CANCEL 1 2 3\n"},
    {{WIRE_PORT, 0, 0, 0, 6881}, 0, "PORT 0 0 0 port 6881\n"},
    {{WIRE_SUGGEST, 7, 0, 0, 0}, 0, "SUGGEST 7 0 0\n"},
    {{WIRE_HAVE_ALL, 0, 0, 0, 0}, 0, "HAVE_ALL 0 0 0\n"},
    {{WIRE_HAVE_NONE, 0, 0, 0, 0}, 0, "HAVE_NONE 0 0 0\n"},
    {{WIRE_REJECT, 1, 2, 3, 0}, 0, "REJECT 1 2 3\n"},
    {{WIRE_ALLOWED_FAST, 7, 0, 0, 0}, 0, "ALLOWED_FAST 7 0 0\n"},
    {{WIRE_EXTENDED, 0, 0, 0, 0}, 1, "EXTENDED 1 bytes, 00000000\n"},
    {{WIRE_EXTENDED, 0, 0, 0, 0}, 100, NULL},
    {{21, 0, 0, 0, 0}, 0, "? 0 0 0\n"},
    {{255, 0, 0, 0, 0}, 100, "? 0 0 0\n"},
};

/* The i-th message with a HAVE behind it, and what they log. */
static void message_and_have(size_t i, struct text *stream, struct text *log) {
    const struct wire_message *m = &messages[i].m;
    text_init(stream), text_init(log);
    if (m->id == WIRE_PIECE)
        say_block(stream, 0);
    else if (strcmp(wire_name(m->id), "?") == 0 || messages[i].body)
        say_body(stream, m->id, messages[i].body);
    else
        say(stream, *m);
    if (messages[i].log)
        text_adds(log, messages[i].log);
    else
        text_addf(log, "EXTENDED %u bytes, %08x\n", messages[i].body,
                  sum_of((const uint8_t *)stream->data + 5, messages[i].body));
    say(stream, (struct wire_message){WIRE_HAVE, 9, 0, 0, 0});
    text_adds(log, "HAVE 9 0 0\n");
}

TEST(wire_reader_delivers_each_message_fed_whole) {
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct text stream, log;
        message_and_have(i, &stream, &log);
        expect_log(&stream, whole, log.data);
        text_free(&stream), text_free(&log);
    }
}

TEST(wire_reader_delivers_each_message_byte_by_byte) {
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct text stream, log;
        message_and_have(i, &stream, &log);
        expect_log(&stream, byte_by_byte, log.data);
        text_free(&stream), text_free(&log);
    }
}

TEST(wire_reader_delivers_each_message_split_at_each_byte) {
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct text stream, log;
        message_and_have(i, &stream, &log);
        for (size_t at = 0; at <= stream.len; at++)
            expect_log_split_at(&stream, at, log.data);
        text_free(&stream), text_free(&log);
    }
}

TEST(wire_reader_takes_packets) {
    for (size_t size = 1; size < 80; size++) {
        struct text t;
        struct owner o;
        text_init(&t);
        say_hello(&t);
        say_block(&t, 0);
        say_body(&t, WIRE_EXTENDED, 60);
        owner_init(&o, false);
        for (size_t at = 0; at < t.len; at += size) {
            size_t len = MIN(size, t.len - at);
            uint8_t *packet = malloc(len);
            CHECK(packet);
            memcpy(packet, t.data + at, len);
            CHECK_INT(wire_reader_push(&o.reader, packet, len), 0);
            free(packet);
            check_rest(&o.reader);
        }
        CHECK_INT(count_lines(&o, "good\n"), 1);
        CHECK_INT(count_lines(&o, "EXTENDED 60 bytes"), 1);
        owner_fini(&o);
        text_free(&t);
    }
}

TEST(wire_reader_reads_a_handshake_split_at_each_byte) {
    struct text t;
    text_init(&t);
    say_hello(&t);
    say(&t, (struct wire_message){.id = WIRE_UNCHOKE});
    for (size_t at = 0; at <= t.len; at++)
        for (int scatter = 0; scatter < 2; scatter++) {
            struct owner o;
            owner_init(&o, scatter);
            CHECK_INT(feed_part(&o, &t, 0, at, whole), 0);
            CHECK(o.reader.greeted == (at >= HANDSHAKE_LEN));
            CHECK_INT(feed_part(&o, &t, at, t.len, whole), 0);
            CHECK_STR(log_of(&o), "hello\nUNCHOKE 0 0 0\n");
            owner_fini(&o);
        }
    text_free(&t);
}

TEST(wire_reader_knows_a_stranger_by_his_first_byte) {
    struct text t;
    text_init(&t);
    text_adds(&t, "G");
    for (int scatter = 0; scatter < 2; scatter++) {
        struct owner o;
        owner_init(&o, scatter);
        CHECK_INT(feed(&o, &t, whole), ERR_PROTOCOL);
        CHECK_STR(log_of(&o), "");
        owner_fini(&o);
    }
    text_free(&t);
}

/* ---- prediction that comes true ---------------------------------------------------- */

static void say_all_blocks(struct text *t) {
    text_init(t);
    for (uint32_t i = 0; i < BLOCKS; i++)
        say_block(t, i);
}

/* All blocks of the torrent came, and lie where they belong. */
static void expect_all_blocks(struct owner *o) {
    CHECK_INT(count_lines(o, " good\n"), BLOCKS);
    for (uint32_t i = 0; i < BLOCKS; i++)
        CHECK(is_content(o->store + (size_t)i * BLOCK, i));
}

TEST(wire_reader_puts_a_stream_in_order_into_place_uncopied) {
    struct text t;
    struct owner o;
    say_all_blocks(&t);
    greeted_owner(&o, true);
    CHECK_INT(feed(&o, &t, whole), 0);
    expect_all_blocks(&o);
    CHECK_INT(o.reader.payload_copied, 0);
    CHECK_INT(o.reader.payload_received, BLOCKS * BLOCK);
    CHECK_INT(o.reader.slots_predicted, BLOCKS);
    CHECK_INT(o.reader.slots_missed, 0);
    owner_fini(&o);
    text_free(&t);
}

TEST(wire_reader_copies_each_payload_byte_once_when_chunked) {
    struct text t;
    struct owner o;
    say_all_blocks(&t);
    greeted_owner(&o, false);
    CHECK_INT(feed(&o, &t, whole), 0);
    expect_all_blocks(&o);
    CHECK_INT(o.reader.payload_copied, BLOCKS * BLOCK);
    CHECK_INT(o.reader.payload_received, BLOCKS * BLOCK);
    CHECK_INT(o.reader.slots_predicted, 0);
    owner_fini(&o);
    text_free(&t);
}

/* The kernel has as many bytes at a time, wherever that cuts headers and blocks. */
TEST(wire_reader_copies_nothing_however_a_stream_in_order_is_cut) {
    struct text t;
    say_all_blocks(&t);
    for (size_t most = 1; most < 3 * (BLOCK + WIRE_PIECE_HEADER); most++) {
        struct owner o;
        greeted_owner(&o, true);
        CHECK_INT(feed(&o, &t, (struct cut){.most = most}), 0);
        expect_all_blocks(&o);
        CHECK_INT(o.reader.payload_copied, 0);
        CHECK_INT(o.reader.slots_missed, 0);
        owner_fini(&o);
    }
    text_free(&t);
}

TEST(wire_reader_never_reads_more_than_the_limit) { /* read_once checks */
    struct text t;
    say_all_blocks(&t);
    for (size_t limit = 1; limit < 3 * (BLOCK + WIRE_PIECE_HEADER); limit++) {
        struct owner o;
        greeted_owner(&o, true);
        CHECK_INT(feed(&o, &t, (struct cut){.limit = limit}), 0);
        expect_all_blocks(&o);
        CHECK_INT(o.reader.payload_copied, 0);
        owner_fini(&o);
    }
    text_free(&t);
}

TEST(wire_reader_reads_a_byte_even_when_the_limit_is_none) {
    struct owner o;
    struct wire_plan plan;
    uint8_t scratch[1];
    for (int scatter = 0; scatter < 2; scatter++) {
        greeted_owner(&o, scatter);
        wire_reader_plan(&o.reader, &plan, scratch, sizeof scratch, 0);
        CHECK_INT(planned(&plan), 1);
        owner_fini(&o);
    }
}

TEST(wire_reader_stays_within_a_small_scratch) {
    struct text t;
    say_all_blocks(&t);
    say_body(&t, WIRE_EXTENDED, 100);
    for (enum guess guess = 0; guess < GUESSES; guess++)
        for (size_t room = 1; room < 20; room++) {
            struct owner o;
            greeted_owner(&o, true);
            o.guess = guess;
            CHECK_INT(feed(&o, &t, (struct cut){.scratch = room}), 0);
            expect_all_blocks(&o);
            owner_fini(&o);
        }
    text_free(&t);
}

/* ---- messages between the blocks --------------------------------------------------- */

TEST(wire_reader_finds_a_message_before_each_predicted_block) {
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        if (messages[i].m.id == WIRE_PIECE)
            continue;
        for (uint32_t at = 0; at < 12; at++) {
            struct text one, log, t;
            struct owner o;
            message_and_have(i, &one, &log);
            text_init(&t);
            for (uint32_t block = 0; block < 12; block++) {
                if (block == at)
                    text_add(&t, one.data, one.len);
                say_block(&t, block);
            }
            greeted_owner(&o, true);
            CHECK_INT(feed(&o, &t, whole), 0);
            CHECK(strstr(log_of(&o), log.data));
            CHECK_INT(count_lines(&o, " good\n"), 12);
            check_store(&o);
            owner_fini(&o);
            text_free(&t), text_free(&one), text_free(&log);
        }
    }
}

TEST(wire_reader_does_not_call_the_rest_of_a_have_a_miss) {
    for (size_t split = 1; split < 9; split++) {
        struct text t;
        struct owner o;
        text_init(&t);
        say(&t, (struct wire_message){WIRE_HAVE, 3, 0, 0, 0});
        say_block(&t, 0);
        greeted_owner(&o, true);
        CHECK_INT(feed_part(&o, &t, 0, split, whole), 0);
        CHECK_INT(feed_part(&o, &t, split, t.len, whole), 0);
        CHECK_INT(count_lines(&o, " good\n"), 1);
        if (split > 3) /* its length alone tells: a PIECE is longer */
            CHECK_INT(o.reader.slots_missed, 0);
        owner_fini(&o);
        text_free(&t);
    }
}

/* A long message that is none of the predicted ones, known as that after the first of
 * three reads, and a block behind it. */
static void expect_no_guess_inside(const struct text *message) {
    struct text t;
    struct owner o;
    text_init(&t);
    text_add(&t, message->data, message->len);
    say_block(&t, 0);
    greeted_owner(&o, true);
    CHECK_INT(feed_part(&o, &t, 0, 20, whole), 0);
    uint64_t missed = o.reader.slots_missed;
    CHECK_INT(feed_part(&o, &t, 20, 60, whole), 0);
    CHECK_INT(feed_part(&o, &t, 60, t.len, whole), 0);
    CHECK_INT(count_lines(&o, " good\n"), 1);
    CHECK_INT(o.reader.slots_missed, missed);
    owner_fini(&o);
    text_free(&t);
}

TEST(wire_reader_does_not_guess_inside_an_unknown_message) {
    struct text t;
    text_init(&t);
    say_body(&t, 99, 100);
    expect_no_guess_inside(&t);
    text_free(&t);
}

TEST(wire_reader_does_not_guess_inside_a_block_that_is_drained) {
    struct text t;
    text_init(&t);
    say_piece(&t, 7, 100);
    expect_no_guess_inside(&t);
    text_free(&t);
}

TEST(wire_reader_does_not_guess_inside_a_body) {
    struct text t;
    text_init(&t);
    say_body(&t, WIRE_EXTENDED, 100);
    expect_no_guess_inside(&t);
    text_free(&t);
}

/* ---- prediction that fails --------------------------------------------------------- */

static void expect_blocks_in_this_order(const uint32_t *order, size_t n,
                                        enum guess guess) {
    struct text t;
    struct owner o;
    text_init(&t);
    for (size_t i = 0; i < n; i++)
        say_block(&t, order[i]);
    greeted_owner(&o, true);
    o.guess = guess;
    CHECK_INT(feed(&o, &t, whole), 0);
    CHECK_INT(o.reader.payload_received, n * BLOCK);
    expect_all_blocks(&o);
    check_store(&o);
    owner_fini(&o);
    text_free(&t);
}

TEST(wire_reader_survives_a_peer_that_answers_newest_first) {
    uint32_t order[BLOCKS];
    for (uint32_t i = 0; i < BLOCKS; i++)
        order[i] = BLOCKS - 1 - i;
    for (enum guess guess = 0; guess < GUESSES; guess++)
        expect_blocks_in_this_order(order, BLOCKS, guess);
}

TEST(wire_reader_survives_a_peer_that_answers_in_any_order) {
    uint64_t random = 7;
    for (int round = 0; round < 100; round++) {
        uint32_t order[BLOCKS];
        for (uint32_t i = 0; i < BLOCKS; i++) {
            uint32_t j = random_below(&random, i + 1);
            order[i] = order[j], order[j] = i;
        }
        for (enum guess guess = 0; guess < GUESSES; guess++)
            expect_blocks_in_this_order(order, BLOCKS, guess);
    }
}

TEST(wire_reader_survives_every_block_twice) {
    uint32_t order[2 * BLOCKS];
    for (uint32_t i = 0; i < 2 * BLOCKS; i++)
        order[i] = i / 2;
    for (enum guess guess = 0; guess < GUESSES; guess++)
        expect_blocks_in_this_order(order, COUNT_OF(order), guess);
}

TEST(wire_reader_drains_blocks_that_nobody_wants) {
    struct text t;
    text_init(&t);
    say(&t, (struct wire_message){WIRE_PIECE, 1000, 0, BLOCK, 0});
    for (uint32_t i = 0; i < BLOCK; i++)
        text_addc(&t, 'x');
    say_block(&t, 0);
    static const char *log = "PIECE 1000 0 48 drain\n  PIECE 1000 0 48 gone\n"
                             "PIECE 0 0 48\n  PIECE 0 0 48 good\n";
    expect_log(&t, whole, log);
    expect_log(&t, byte_by_byte, log);
    text_free(&t);
}

TEST(wire_reader_counts_drained_payload_as_received_not_copied) {
    struct text t;
    struct owner o;
    text_init(&t);
    say_piece(&t, 5, 3 * BLOCK);
    greeted_owner(&o, false);
    CHECK_INT(feed(&o, &t, whole), 0);
    CHECK_INT(o.reader.payload_received, 3 * BLOCK);
    CHECK_INT(o.reader.payload_copied, 0);
    owner_fini(&o);
    text_free(&t);
}

TEST(wire_reader_drains_a_block_of_another_length_than_asked) {
    static const uint32_t lengths[] = {1, BLOCK - 1, BLOCK + 1, 2 * BLOCK};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct text t;
        char log[200];
        text_init(&t);
        say_piece(&t, 0, lengths[i]);
        say_block(&t, 1);
        snprintf(log, sizeof log,
                 "PIECE 0 0 %u drain\n  PIECE 0 0 %u gone\n"
                 "PIECE 0 48 48\n  PIECE 0 48 48 good\n",
                 lengths[i], lengths[i]);
        expect_log(&t, whole, log);
        expect_log(&t, byte_by_byte, log);
        text_free(&t);
    }
}

TEST(wire_reader_ends_a_piece_without_payload_at_once) {
    struct text t;
    text_init(&t);
    say_piece(&t, 0, 0);
    static const char *log = "PIECE 0 0 0 drain\n  PIECE 0 0 0 gone\n";
    expect_log(&t, whole, log);
    expect_log(&t, byte_by_byte, log);
    text_free(&t);
}

/* ---- prediction rests -------------------------------------------------------------- */

/* One block in one read, told whether it was predicted. */
static bool read_predicted(struct owner *o, uint32_t block) {
    struct text t;
    uint64_t before = o->reader.slots_predicted;
    text_init(&t);
    say_block(&t, block);
    CHECK_INT(feed(o, &t, whole), 0);
    text_free(&t);
    return o->reader.slots_predicted > before;
}

TEST(wire_reader_rests_after_a_miss) {
    struct owner o;
    greeted_owner(&o, true);
    CHECK(!read_predicted(&o, 5));
    CHECK_INT(o.reader.slots_missed, 1);
    CHECK(!read_predicted(&o, 0)); /* as expected, but nobody predicts now */
    CHECK_INT(o.reader.slots_missed, 1);
    owner_fini(&o);
}

TEST(wire_reader_copies_nothing_while_prediction_rests) {
    struct owner o;
    greeted_owner(&o, true);
    CHECK(!read_predicted(&o, 5));
    uint64_t copied = o.reader.payload_copied;
    for (uint32_t block = 10; block < 20; block++)
        CHECK(!read_predicted(&o, block));
    CHECK_INT(o.reader.payload_copied, copied);
    owner_fini(&o);
}

TEST(wire_reader_predicts_again_after_answers_in_order) {
    struct owner o;
    greeted_owner(&o, true);
    CHECK(!read_predicted(&o, BLOCKS - 1));
    uint32_t needed = o.reader.prediction.needed;
    for (uint32_t i = 0; i < needed; i++)
        CHECK(!read_predicted(&o, i));
    CHECK(read_predicted(&o, needed));
    owner_fini(&o);
}

TEST(wire_reader_takes_a_message_between_blocks_for_disorder_while_resting) {
    struct owner o;
    struct text have;
    greeted_owner(&o, true);
    CHECK(!read_predicted(&o, BLOCKS - 1));
    uint32_t needed = o.reader.prediction.needed;
    for (uint32_t i = 0; i + 1 < needed; i++)
        CHECK(!read_predicted(&o, i));
    text_init(&have);
    say(&have, (struct wire_message){WIRE_HAVE, 3, 0, 0, 0});
    CHECK_INT(feed(&o, &have, whole), 0);
    text_free(&have);
    CHECK_INT(o.reader.prediction.run, 0);
    owner_fini(&o);
}

static uint32_t planned_slots(struct owner *o) {
    struct wire_plan plan;
    uint8_t scratch[64];
    wire_reader_plan(&o->reader, &plan, scratch, sizeof scratch, ALL);
    return plan.slots;
}

TEST(wire_reader_predicts_more_after_hits) {
    struct owner o;
    greeted_owner(&o, true);
    uint32_t before = planned_slots(&o);
    CHECK_INT(before, PREDICTION_FIRST);
    o.guess = GUESS_NEXT_ONE;
    for (uint32_t i = 0; i < 5; i++)
        CHECK(read_predicted(&o, i));
    o.guess = GUESS_ORDER;
    CHECK_INT(planned_slots(&o), before + 5);
    owner_fini(&o);
}

TEST(wire_reader_never_predicts_more_than_there_are_slots) {
    struct owner o;
    greeted_owner(&o, true);
    for (int round = 0; round < 3; round++) {
        o.guess = GUESS_NEXT_ONE;
        for (uint32_t i = 0; i < BLOCKS; i++)
            CHECK(read_predicted(&o, i));
        memset(o.received, 0, sizeof o.received); /* all is asked again */
    }
    o.guess = GUESS_ORDER;
    CHECK_INT(planned_slots(&o), WIRE_SLOTS - 1);
    owner_fini(&o);
}

/* ---- places that change ------------------------------------------------------------ */

/* Each so manieth block goes elsewhere: `log` says where, and the rest is as before. */
static void expect_elsewhere(uint32_t aside, uint32_t drain, const char *log, size_t n) {
    for (size_t most = 0; most < 200; most++) {
        struct text t;
        struct owner o;
        say_all_blocks(&t);
        greeted_owner(&o, true);
        o.aside_every = aside, o.drain_every = drain;
        CHECK_INT(feed(&o, &t, (struct cut){.most = most}), 0);
        CHECK_INT(count_lines(&o, log), n);
        CHECK_INT(count_lines(&o, " bad"), 0);
        check_store(&o);
        owner_fini(&o);
        text_free(&t);
    }
}

TEST(wire_reader_moves_a_block_to_another_place_than_predicted) {
    expect_elsewhere(3, 0, " aside\n", BLOCKS / 3);
}

TEST(wire_reader_counts_both_copies_of_a_block_that_moved) {
    struct owner o;
    greeted_owner(&o, true);
    o.aside_every = 1;
    CHECK(!read_predicted(&o, 0));
    CHECK_INT(o.reader.payload_received, BLOCK);
    CHECK_INT(o.reader.payload_copied, 2 * BLOCK); /* out of the way, to its place */
    owner_fini(&o);
}

TEST(wire_reader_drains_a_predicted_block_that_nobody_wants) {
    expect_elsewhere(0, 5, " gone\n", BLOCKS / 5);
}

TEST(wire_reader_drains_the_rest_of_a_diverted_block) {
    struct text t;
    text_init(&t);
    say_block(&t, 0);
    say_block(&t, 1);
    for (int scatter = 0; scatter < 2; scatter++)
        for (size_t at = WIRE_PIECE_HEADER; at < WIRE_PIECE_HEADER + BLOCK; at++) {
            struct owner o;
            greeted_owner(&o, scatter);
            CHECK_INT(feed_part(&o, &t, 0, at, whole), 0);
            owner_divert(&o);
            memset(o.store, 0xee, BLOCK); /* it is somebody else's now */
            CHECK_INT(feed_part(&o, &t, at, t.len, whole), 0);
            CHECK_STR(log_of(&o), "PIECE 0 0 48\ndivert\n  PIECE 0 0 48 gone\n"
                                  "PIECE 0 48 48\n  PIECE 0 48 48 good\n");
            for (uint32_t i = 0; i < BLOCK; i++)
                CHECK_INT(o.store[i], 0xee);
            CHECK_INT(o.reader.payload_received, 2 * BLOCK);
            owner_fini(&o);
        }
    text_free(&t);
}

TEST(wire_reader_diverts_nothing_when_no_block_is_in_flight) {
    struct owner o;
    greeted_owner(&o, true);
    owner_divert(&o);
    CHECK(read_predicted(&o, 0));
    owner_fini(&o);
}

/* ---- hooks that fail --------------------------------------------------------------- */

/* Everything that calls a hook, some of it twice. */
static void say_everything(struct text *t) {
    text_init(t);
    say_hello(t);
    say_body(t, WIRE_BITFIELD, 1);
    say_body(t, WIRE_EXTENDED, 40);
    for (uint32_t i = 0; i < 8; i++) {
        say_block(t, i);
        if (i % 3 == 1)
            say(t, (struct wire_message){WIRE_HAVE, i, 0, 0, 0});
    }
    say_piece(t, 20, 5);
    say_body(t, 77, 30);
    say(t, (struct wire_message){.id = WIRE_KEEPALIVE});
}

#define CALLS_OF_EVERYTHING 17u

static void expect_stop(const struct text *t, bool scatter, struct cut cut, int code) {
    for (uint32_t n = 0; n <= CALLS_OF_EVERYTHING; n++) {
        bool fails = n < CALLS_OF_EVERYTHING;
        struct owner o;
        owner_init(&o, scatter);
        o.fail_at = n, o.fail_with = code;
        CHECK_INT(feed(&o, t, cut), fails ? code : 0);
        CHECK_INT(o.calls, fails ? n + 1 : n);
        owner_fini(&o);
    }
}

TEST(wire_reader_stops_at_once_when_a_hook_fails) {
    static const int codes[] = {ERR_CLOSED, ERR_NOMEM, ERR_AGAIN, ERR_PROTOCOL};
    struct text t;
    say_everything(&t);
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        for (int scatter = 0; scatter < 2; scatter++) {
            expect_stop(&t, scatter, whole, codes[i]);
            expect_stop(&t, scatter, byte_by_byte, codes[i]);
            expect_stop(&t, scatter, (struct cut){.most = 100}, codes[i]);
        }
    text_free(&t);
}

/* read_once with nothing allocated but by the reader (and the log, which may fail). */
static int read_frugally(struct owner *o, const struct text *t, size_t *at, size_t most) {
    struct wire_plan plan;
    uint8_t scratch[512];
    wire_reader_plan(&o->reader, &plan, scratch, sizeof scratch, most);
    size_t n = MIN(planned(&plan), t->len - *at);
    deliver(&plan, t->data + *at, n);
    *at += n;
    return wire_reader_commit(&o->reader, &plan, n);
}

static void expect_nomem_survived(const struct text *t, size_t most, enum guess guess) {
    CHECK_EACH_NOMEM(n) {
        struct owner o;
        int status = 0;
        size_t at = 0;
        check_nomem_at(-1);
        owner_init(&o, true);
        o.guess = guess;
        check_nomem_at(n);
        while (status == 0 && at < t->len)
            status = read_frugally(&o, t, &at, most);
        bool hit = check_nomem_hit();
        CHECK(hit ? status == ERR_NOMEM || o.log.failed : status == 0);
        check_store(&o);
        owner_fini(&o);
    }
}

TEST(wire_reader_survives_a_lack_of_memory) {
    struct text t;
    say_everything(&t);
    for (size_t most = 1; most < 300; most += 13)
        for (enum guess guess = 0; guess < GUESSES; guess++)
            expect_nomem_survived(&t, most, guess);
    text_free(&t);
}

/* ---- bodies ------------------------------------------------------------------------ */

TEST(wire_reader_shows_a_body_that_is_spread_over_chunks) {
    static const struct cut cuts[] = {{.most = 1}, {.most = 7}, {.most = 1000}, {0}};
    struct text t;
    char log[100];
    text_init(&t);
    say_body(&t, WIRE_EXTENDED, 20000);
    snprintf(log, sizeof log, "EXTENDED 20000 bytes, %08x\n",
             sum_of((const uint8_t *)t.data + 5, 20000));
    for (size_t i = 0; i < COUNT_OF(cuts); i++)
        expect_log(&t, cuts[i], log);
    text_free(&t);
}

TEST(wire_reader_shows_a_body_with_what_follows_it) {
    struct text t;
    text_init(&t);
    for (int i = 0; i < 3; i++) { /* on_body consumes none, half, all */
        say_body(&t, WIRE_EXTENDED, 1);
        say(&t, (struct wire_message){WIRE_HAVE, 1, 0, 0, 0});
    }
    static const char *one = "EXTENDED 1 bytes, 00000000\nHAVE 1 0 0\n";
    char log[200];
    snprintf(log, sizeof log, "%s%s%s", one, one, one);
    expect_log(&t, whole, log);
    text_free(&t);
}

/* ---- bounds ------------------------------------------------------------------------ */

/* The header alone, and perhaps not all of it, gets this answer. */
static void expect_answer(uint32_t length, int id, uint32_t pieces, int code) {
    for (int scatter = 0; scatter < 2; scatter++) {
        struct text t;
        struct owner o;
        uint8_t raw[5];
        put_u32(raw, length), raw[4] = (uint8_t)id;
        text_init(&t);
        text_add(&t, raw, id < 0 ? 4 : 5);
        greeted_owner(&o, scatter);
        o.reader.pieces = pieces;
        CHECK_INT(feed(&o, &t, whole), code);
        CHECK_STR(log_of(&o), code < 0 || length > 1 ? "" : log_of(&o));
        owner_fini(&o);
        text_free(&t);
    }
}

TEST(wire_reader_refuses_a_message_over_1_mib_by_its_length_alone) {
    expect_answer(WIRE_MAX_MESSAGE + 1, -1, 0, ERR_LIMIT);
    expect_answer(UINT32_MAX, -1, 0, ERR_LIMIT);
    expect_answer(WIRE_MAX_MESSAGE, -1, 0, 0);
}

TEST(wire_reader_refuses_any_message_over_1_mib_before_its_body) {
    for (int id = 0; id < 256; id++) {
        expect_answer(WIRE_MAX_MESSAGE + 1, id, 0, ERR_LIMIT);
        expect_answer(UINT32_MAX, id, 0, ERR_LIMIT);
    }
}

TEST(wire_reader_refuses_wrong_lengths_before_the_body) {
    static const struct {
        int id;
        uint32_t length;
    } rows[] = {{WIRE_CHOKE, 2},       {WIRE_UNCHOKE, 5},       {WIRE_HAVE, 4},
                {WIRE_HAVE, 6},        {WIRE_REQUEST, 12},      {WIRE_REQUEST, 14},
                {WIRE_CANCEL, 17},     {WIRE_PORT, 2},          {WIRE_PORT, 5},
                {WIRE_SUGGEST, 4},     {WIRE_HAVE_ALL, 2},      {WIRE_HAVE_NONE, 9},
                {WIRE_REJECT, 12},     {WIRE_ALLOWED_FAST, 13}, {WIRE_EXTENDED, 1},
                {WIRE_BITFIELD, 1},    {WIRE_PIECE, 1},         {WIRE_PIECE, 8},
                {WIRE_INTERESTED, 99}, {WIRE_NOT_INTERESTED, 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_answer(rows[i].length, rows[i].id, 0, ERR_PROTOCOL);
}

TEST(wire_reader_refuses_a_bitfield_of_another_torrent_before_its_body) {
    expect_answer(1 + 2, WIRE_BITFIELD, 8, ERR_PROTOCOL);
    expect_answer(1 + 2, WIRE_BITFIELD, 17, ERR_PROTOCOL);
    expect_answer(1 + 2, WIRE_BITFIELD, 16, 0);
    expect_answer(1 + 2, WIRE_BITFIELD, 0, 0); /* not known yet */
}

TEST(wire_reader_refuses_a_piece_longer_than_anybody_asks_before_its_payload) {
    expect_answer(9 + WIRE_MAX_REQUEST, WIRE_PIECE, 0, 0);
    expect_answer(9 + WIRE_MAX_REQUEST + 1, WIRE_PIECE, 0, ERR_PROTOCOL);
}

TEST(wire_reader_skips_an_unknown_message_of_1_mib_without_keeping_it) {
    struct text t;
    text_init(&t);
    say_body(&t, 200, WIRE_MAX_MESSAGE - 1);
    say(&t, (struct wire_message){.id = WIRE_UNCHOKE});
    expect_log(&t, whole, "? 0 0 0\nUNCHOKE 0 0 0\n"); /* check_rest: nothing is kept */
    text_free(&t);
}

/* ---- memory ------------------------------------------------------------------------ */

TEST(wire_reader_holds_nothing_between_messages) {
    for (int scatter = 0; scatter < 2; scatter++)
        for (size_t most = 1; most < 200; most++) {
            struct text t;
            struct owner o;
            say_everything(&t);
            owner_init(&o, scatter);
            CHECK_INT(feed(&o, &t, (struct cut){.most = most}), 0);
            CHECK_INT(chunked_buffer_length(&o.reader.in), 0);
            CHECK(!o.reader.in.first);
            owner_fini(&o);
            text_free(&t);
        }
}

TEST(wire_reader_holds_no_borrowed_bytes_after_an_error) {
    for (int scatter = 0; scatter < 2; scatter++) {
        struct text t;
        struct owner o;
        text_init(&t);
        say_body(&t, WIRE_CHOKE, 3);
        greeted_owner(&o, scatter);
        CHECK_INT(feed(&o, &t, whole), ERR_PROTOCOL);
        CHECK_INT(chunked_buffer_length(&o.reader.in), 0);
        owner_fini(&o);
        text_free(&t);
    }
}

/* A peer sends a long message in packets of one byte: what is kept must not become a
 * million chunks, each with a header of its own, that are walked along with every
 * byte. */
TEST(wire_reader_joins_a_message_that_comes_in_crumbs) {
    for (int scatter = 0; scatter < 2; scatter++) {
        struct text t;
        struct owner o;
        text_init(&t);
        say_body(&t, WIRE_EXTENDED, 30000);
        greeted_owner(&o, scatter);
        CHECK_INT(feed_part(&o, &t, 0, t.len - 1, byte_by_byte), 0);
        size_t chunks = 0;
        struct span front;
        while ((front = chunked_buffer_front(&o.reader.in)).len > 0) {
            CHECK(chunked_buffer_discard(&o.reader.in, front.len));
            chunks++;
        }
        CHECK(chunks < 300);
        owner_fini(&o);
        text_free(&t);
    }
}

/* ---- both modes are one ------------------------------------------------------------ */

TEST(wire_reader_shows_the_same_in_both_modes) {
    uint64_t random = 20260101;
    for (int round = 0; round < 5000; round++) {
        uint8_t script[400];
        size_t len = 6 + random_below(&random, sizeof script - 6);
        for (size_t i = 0; i < len; i++)
            script[i] = (uint8_t)random_below(&random, 256);
        check_same(script, len);
    }
}
