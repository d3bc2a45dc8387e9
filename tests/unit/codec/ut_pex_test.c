/* ut_pex: both families and flags, and hearsay that is not worth repeating. */
#include "codec/ut_pex.h"

#include "support/check.h"

static int decode(struct ut_pex *m, const char *s, size_t len) {
    return ut_pex_decode(m, check_at_page_end(s, len), len);
}

#define DECODE(m, literal) decode(m, literal, sizeof(literal) - 1)

static void expect_peer(const struct pex_list *l, uint32_t i, const char *want) {
    char text[ADDR_TEXT];
    CHECK(i < l->count);
    CHECK_STR(addr_format(&l->peers[i].addr, text), want);
}

#define FULL                                                          \
    "d5:added12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x50"     \
    "7:added.f2:\x02\x11"                                             \
    "6:added618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05\x1a\xe1"   \
    "8:added6.f1:\x10"                                                \
    "7:dropped6:\x09\x09\x09\x09\x00\x50"                             \
    "8:dropped618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06\x1a\xe1" \
    "e"

TEST(ut_pex_reads_both_families_and_flags) {
    struct ut_pex m;
    CHECK_INT(DECODE(&m, FULL), 0);
    CHECK_INT(m.added.count, 3);
    expect_peer(&m.added, 0, "1.2.3.4:6881");
    expect_peer(&m.added, 1, "5.6.7.8:80");
    expect_peer(&m.added, 2, "[2001:db8::5]:6881");
    CHECK_INT(m.added.peers[0].flags, PEX_SEED);
    CHECK_INT(m.added.peers[1].flags, PEX_ENCRYPTION | PEX_REACHABLE);
    CHECK_INT(m.added.peers[2].flags, PEX_REACHABLE);
    CHECK_INT(m.dropped.count, 2);
    expect_peer(&m.dropped, 0, "9.9.9.9:80");
    expect_peer(&m.dropped, 1, "[2001:db8::6]:6881");
}

TEST(ut_pex_writes_what_it_reads) {
    struct ut_pex m;
    struct text t;
    text_init(&t);
    CHECK_INT(DECODE(&m, FULL), 0);
    ut_pex_encode(&t, &m);
    CHECK_INT(t.len, sizeof FULL - 1);
    CHECK_MEM(t.data, FULL, t.len);
    text_free(&t);
}

TEST(ut_pex_empty_message_is_two_bytes) {
    struct ut_pex m = {.added.count = 0};
    struct text t;
    text_init(&t);
    ut_pex_encode(&t, &m);
    CHECK_STR(t.data, "de");
    CHECK_INT(decode(&m, t.data, t.len), 0);
    CHECK_INT(m.added.count + m.dropped.count, 0);
    text_free(&t);
}

TEST(ut_pex_flags_may_be_missing_or_short) {
    struct ut_pex m;
    CHECK_INT(DECODE(&m, "d5:added12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x50"
                         "7:added.f1:\x02"
                         "e"),
              0);
    CHECK_INT(m.added.count, 2);
    CHECK_INT(m.added.peers[0].flags, PEX_SEED);
    CHECK_INT(m.added.peers[1].flags, 0);
}

TEST(ut_pex_flags_stay_with_their_peer_when_one_before_is_left_out) {
    struct ut_pex m;
    CHECK_INT(DECODE(&m, "d5:added12:\x01\x02\x03\x04\0\0\x05\x06\x07\x08\x00\x50"
                         "7:added.f2:\x01\x02"
                         "e"),
              0);
    CHECK_INT(m.added.count, 1);
    CHECK_INT(m.added.peers[0].flags, PEX_SEED);
}

TEST(ut_pex_drops_unusable_addresses) {
    struct ut_pex m;
    CHECK_INT(DECODE(&m, "d5:added36:"
                         "\x01\x02\x03\x04\0\0"   /* port 0 */
                         "\0\0\0\0\0\x50"         /* any */
                         "\xe0\0\0\x01\0\x50"     /* multicast */
                         "\xff\xff\xff\xff\0\x50" /* broadcast */
                         "\x09\x09\x09\x09\0\x50" /* fine */
                         "\x7f\0\0\x01\0\x50"     /* loopback: the roster's matter */
                         "6:added636:\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50"
                         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x50"
                         "e"),
              0);
    CHECK_INT(m.added.count, 2);
    expect_peer(&m.added, 0, "9.9.9.9:80");
    expect_peer(&m.added, 1, "127.0.0.1:80");
}

TEST(ut_pex_takes_one_port_of_a_global_host) {
    struct ut_pex m;
    CHECK_INT(DECODE(&m,
                     "d5:added36:"
                     "\x09\x09\x09\x09\0\x50\x09\x09\x09\x09\0\x51\x09\x09\x09\x09\0\x50"
                     "\x7f\0\0\x01\0\x50\x7f\0\0\x01\0\x51\x7f\0\0\x01\0\x50"
                     "e"),
              0);
    CHECK_INT(m.added.count, 3);
    expect_peer(&m.added, 0, "9.9.9.9:80");
    expect_peer(&m.added, 1, "127.0.0.1:80");
    expect_peer(&m.added, 2, "127.0.0.1:81");
}

TEST(ut_pex_refuses_what_is_no_message) {
    static const char *const texts[] = {"", "le", "i1e", "5:added", "d5:added6:abc"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct ut_pex m;
        CHECK_INT(decode(&m, texts[i], strlen(texts[i])), ERR_FORMAT);
        CHECK_INT(m.added.count, 0);
    }
}

TEST(ut_pex_ignores_fields_of_another_kind) {
    struct ut_pex m;
    CHECK_INT(DECODE(&m, "d5:addedi1e7:added.fle6:added6de7:droppedlee"), 0);
    CHECK_INT(m.added.count, 0);
    CHECK_INT(DECODE(&m, "d5:added5:12345e"), 0);
    CHECK_INT(m.added.count, 0);
}

TEST(ut_pex_number_of_addresses_is_bounded) {
    struct ut_pex m;
    struct text t;
    text_init(&t);
    text_addf(&t, "d5:added%u:", 6 * 500);
    for (uint32_t i = 0; i < 500; i++) {
        uint8_t peer[6] = {1, 1, (uint8_t)(i >> 8), (uint8_t)i, 1, 1};
        text_add(&t, peer, 6);
    }
    text_adds(&t, "6:added618:\x20\x01\x0d\xb8");
    text_add(&t, "\0\0\0\0\0\0\0\0\0\0\0\x05\x1a\xe1", 14);
    text_addc(&t, 'e');
    CHECK_INT(decode(&m, t.data, t.len), 0);
    CHECK_INT(m.added.count, PEX_MAX_HEAR);
    text_clear(&t);
    ut_pex_encode(&t, &m);
    CHECK_INT(decode(&m, t.data, t.len), 0);
    CHECK_INT(m.added.count, PEX_MAX_TELL);
    text_free(&t);
}

TEST(ut_pex_length_is_bounded) {
    static char s[PEX_MAX_MESSAGE + 1] = "de";
    struct ut_pex m;
    CHECK_INT(decode(&m, s, PEX_MAX_MESSAGE), 0);
    CHECK_INT(decode(&m, s, PEX_MAX_MESSAGE + 1), ERR_LIMIT);
}

TEST(ut_pex_survives_being_cut_anywhere) {
    struct ut_pex m;
    for (size_t len = 0; len < sizeof FULL - 1; len++)
        CHECK_INT(decode(&m, FULL, len), ERR_FORMAT);
}

TEST(ut_pex_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct ut_pex m;
        int rc = ut_pex_decode(&m, (const uint8_t *)FULL, sizeof FULL - 1);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(m.added.count, rc == 0 ? 3 : 0);
    }
}
