/* krpc: the packets of the BEPs both ways, and what malformed ones get. */
#include "codec/krpc.h"

#include "support/check.h"

#define ID "abcdefghij0123456789"
#define OTHER "mnopqrstuvwxyz123456"

static const uint8_t id[] = ID, other[] = OTHER;

static struct span text_span(const char *s) {
    return (struct span){(const uint8_t *)s, strlen(s)};
}

/* Views point into memory that lives as long as the test. */
static int parse_bytes(struct krpc *m, const char *s, size_t len) {
    return krpc_parse(m, check_at_page_end(s, len), len);
}

static int parse(struct krpc *m, const char *s) {
    return parse_bytes(m, s, strlen(s));
}

static void check_span(struct span got, const char *want) {
    CHECK_INT(got.len, strlen(want));
    CHECK_MEM(got.data, want, got.len);
}

static void expect_written(const struct krpc *m, const char *want) {
    uint8_t out[KRPC_MAX_PACKET];
    int len = krpc_write(out, sizeof out, m);
    CHECK_INT(len, strlen(want));
    CHECK_MEM(out, want, strlen(want));
}

#define PING "d1:ad2:id20:" ID "e1:q4:ping1:t2:aa1:y1:qe"
#define FIND_NODE "d1:ad2:id20:" ID "6:target20:" OTHER "e1:q9:find_node1:t2:aa1:y1:qe"
#define GET_PEERS "d1:ad2:id20:" ID "9:info_hash20:" OTHER "e1:q9:get_peers1:t2:aa1:y1:qe"
#define ANNOUNCE                                               \
    "d1:ad2:id20:" ID "12:implied_porti1e9:info_hash20:" OTHER \
    "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe"
#define PONG "d1:rd2:id20:" OTHER "e1:t2:aa1:y1:re"
#define PEERS \
    "d1:rd2:id20:" ID "5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re"
#define ERROR "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"

TEST(krpc_reads_and_writes_a_ping) {
    struct krpc m;
    CHECK_INT(parse(&m, PING), 0);
    CHECK_INT(m.type, KRPC_QUERY);
    CHECK_INT(m.method, KRPC_PING);
    check_span(m.tid, "aa");
    CHECK_MEM(m.id, ID, 20);
    expect_written(&m, PING);
    CHECK_INT(parse(&m, PONG), 0);
    CHECK_INT(m.type, KRPC_REPLY);
    CHECK_MEM(m.id, OTHER, 20);
    expect_written(&m, PONG);
}

TEST(krpc_reads_and_writes_questions_for_nodes_and_peers) {
    struct krpc m;
    CHECK_INT(parse(&m, FIND_NODE), 0);
    CHECK_INT(m.method, KRPC_FIND_NODE);
    CHECK_MEM(m.target, OTHER, 20);
    expect_written(&m, FIND_NODE);
    CHECK_INT(parse(&m, GET_PEERS), 0);
    CHECK_INT(m.method, KRPC_GET_PEERS);
    CHECK_MEM(m.target, OTHER, 20);
    expect_written(&m, GET_PEERS);
}

TEST(krpc_reads_and_writes_an_announce) {
    struct krpc m;
    CHECK_INT(parse(&m, ANNOUNCE), 0);
    CHECK_INT(m.method, KRPC_ANNOUNCE_PEER);
    CHECK_INT(m.port, 6881);
    CHECK(m.implied_port && !m.seed);
    check_span(m.token, "aoeusnth");
    expect_written(&m, ANNOUNCE);
}

TEST(krpc_reads_and_writes_peers) {
    struct krpc m;
    struct addr a;
    char text[ADDR_TEXT];
    CHECK_INT(parse(&m, PEERS), 0);
    check_span(m.token, "aoeusnth");
    struct span rest = m.values;
    CHECK(krpc_next_value(&rest, &a));
    CHECK_STR(addr_format(&a, text), "97.120.106.101:11893");
    CHECK(krpc_next_value(&rest, &a));
    CHECK(!krpc_next_value(&rest, &a));
    expect_written(&m, PEERS);
}

TEST(krpc_reads_and_writes_an_error) {
    struct krpc m;
    CHECK_INT(parse(&m, ERROR), 0);
    CHECK_INT(m.type, KRPC_ERROR);
    CHECK_INT(m.code, 201);
    check_span(m.message, "A Generic Error Ocurred");
    expect_written(&m, ERROR);
}

TEST(krpc_reads_and_writes_what_later_beps_added) {
    static const char query[] =
        "d1:ad2:id20:" ID "9:info_hash20:" OTHER "6:noseedi1e6:scrapei1e4:wantl2:n42:n6ee"
        "1:q9:get_peers2:roi1e1:t1:x1:v4:MR011:y1:qe";
    static const char announce[] =
        "d1:ad2:id20:" ID "9:info_hash20:" OTHER "4:porti1e4:seedi1e5:token1:te"
        "1:q13:announce_peer1:t1:x1:y1:qe";
    struct krpc m;
    CHECK_INT(parse(&m, query), 0);
    CHECK(m.noseed && m.scrape && m.read_only);
    CHECK_INT(m.want, KRPC_WANT4 | KRPC_WANT6);
    check_span(m.version, "MR01");
    expect_written(&m, query);
    CHECK_INT(parse(&m, announce), 0);
    CHECK(m.seed && !m.implied_port);
    expect_written(&m, announce);
}

TEST(krpc_carries_contacts_of_both_families) {
    static const char *const texts[] = {"1.2.3.4:5", "[2001:db8::1]:6"};
    uint8_t compact[KRPC_NODE6], packet[512];
    struct krpc m = {.type = KRPC_REPLY, .tid = text_span("t"), .id = id}, back;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct krpc_node n, got;
        memcpy(n.id, other, KRPC_ID);
        CHECK_INT(addr_parse(&n.addr, texts[i], -1), 0);
        size_t len = krpc_put_node(compact, &n);
        CHECK_INT(len, i ? KRPC_NODE6 : KRPC_NODE4);
        m.nodes = m.nodes6 = (struct span){NULL, 0};
        *(i ? &m.nodes6 : &m.nodes) = (struct span){compact, len};
        int written = krpc_write(packet, sizeof packet, &m);
        CHECK(written > 0);
        CHECK_INT(krpc_parse(&back, packet, (size_t)written), 0);
        struct span rest = i ? back.nodes6 : back.nodes;
        CHECK(krpc_next_node(&rest, i ? 6 : 4, &got));
        CHECK(addr_equal(&got.addr, &n.addr));
        CHECK_MEM(got.id, n.id, KRPC_ID);
        CHECK(!krpc_next_node(&rest, i ? 6 : 4, &got));
    }
}

TEST(krpc_carries_peers_of_both_families) {
    static const char *const texts[] = {"1.2.3.4:5", "[2001:db8::1]:6"};
    uint8_t list[42], packet[512];
    size_t len = 0;
    struct addr a, got;
    struct krpc m = {.type = KRPC_REPLY, .tid = text_span("t"), .id = id}, back;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CHECK_INT(addr_parse(&a, texts[i], -1), 0);
        len += krpc_put_value(list + len, &a);
    }
    m.values = (struct span){list, len};
    int written = krpc_write(packet, sizeof packet, &m);
    CHECK(written > 0);
    CHECK_INT(krpc_parse(&back, packet, (size_t)written), 0);
    struct span rest = back.values;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CHECK_INT(addr_parse(&a, texts[i], -1), 0);
        CHECK(krpc_next_value(&rest, &got));
        CHECK(addr_equal(&a, &got));
    }
    CHECK(!krpc_next_value(&rest, &got));
}

TEST(krpc_tells_the_address_that_it_saw) {
    static const struct {
        const char *ip, *want;
    } rows[] = {
        {"6:\1\2\3\4\1\1", "1.2.3.4:257"},
        {"4:\1\2\3\4", "1.2.3.4:0"},
        {"18:\x20\1\r\xb8...........\1\1\1",
         "[2001:db8:2e2e:2e2e:2e2e:2e2e:2e2e:2e01]:257"},
        {"5:\1\2\3\4\1", "none:0"},
        {"0:", "none:0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char packet[128], text[ADDR_TEXT];
        struct krpc m;
        snprintf(packet, sizeof packet, "d2:ip%s1:rd2:id20:%se1:t1:x1:y1:re", rows[i].ip,
                 ID);
        CHECK_INT(parse(&m, packet), 0);
        CHECK_STR(addr_format(&m.ip, text), rows[i].want);
    }
    struct krpc m = {.type = KRPC_ERROR, .tid = text_span("x"), .code = 203};
    CHECK_INT(addr_parse(&m.ip, "65.66.67.68:17734", -1), 0);
    expect_written(&m, "d1:eli203e0:e2:ip6:ABCDEF1:t1:x1:y1:ee");
}

TEST(krpc_takes_an_unknown_method_with_its_target) {
    struct krpc m;
    CHECK_INT(parse(&m, "d1:ad2:id20:" ID "6:target20:" OTHER "e1:q4:vote1:t1:x1:y1:qe"),
              0);
    CHECK_INT(m.method, KRPC_OTHER);
    CHECK_MEM(m.target, OTHER, 20);
    CHECK_INT(parse(&m, "d1:ad2:id20:" ID "e1:q4:vote1:t1:x1:y1:qe"), 0);
    CHECK(!m.target);
    CHECK_STR(krpc_method_name(m.method), "?");
}

TEST(krpc_refuses_what_is_no_message) {
    static const struct {
        const char *packet;
        int want;
    } rows[] = {
        {"", ERR_FORMAT},
        {"d", ERR_FORMAT},
        {"de", ERR_FORMAT},
        {"i1e", ERR_FORMAT},
        {"le", ERR_FORMAT},
        {PING "x", ERR_FORMAT},
        {"d1:rd2:id20:" ID "e1:y1:re", ERR_FORMAT},        /* no t */
        {"d1:rd2:id20:" ID "e1:ti7e1:y1:re", ERR_FORMAT},  /* t is a number */
        {"d1:rd2:id20:" ID "e1:t0:1:y1:re", ERR_FORMAT},   /* t is empty */
        {"d1:rd2:id20:" ID "e1:t2:aae", ERR_FORMAT},       /* no y */
        {"d1:rd2:id20:" ID "e1:t2:aa1:y1:xe", ERR_FORMAT}, /* no such y */
        {"d1:rd2:id20:" ID "e1:t2:aa1:y2:rre", ERR_FORMAT},
        {"d1:t2:aa1:y1:re", ERR_FORMAT},                   /* no r */
        {"d1:rl2:id20:" ID "e1:t2:aa1:y1:re", ERR_FORMAT}, /* r is a list */
        {"d1:rd2:id19:abcdefghij012345678e1:t2:aa1:y1:re", ERR_FORMAT},
        {"d1:rd2:id21:" ID "xe1:t2:aa1:y1:re", ERR_FORMAT},
        {"d1:t33:123456789012345678901234567890123"
         "1:rd2:id20:" ID "e1:y1:re",
         ERR_FORMAT},
        {"d1:q4:ping1:t2:aa1:y1:qe", ERR_PROTOCOL},      /* no a */
        {"d1:ade1:q4:ping1:t2:aa1:y1:qe", ERR_PROTOCOL}, /* no id */
        {"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe", ERR_PROTOCOL},
        {"d1:ad2:id20:" ID "e1:q9:find_node1:t2:aa1:y1:qe", ERR_PROTOCOL},
        {"d1:ad2:id20:" ID "e1:q9:get_peers1:t2:aa1:y1:qe", ERR_PROTOCOL},
        {"d1:ad2:id20:" ID "9:info_hash2:xxe1:q9:get_peers1:t2:aa1:y1:qe", ERR_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct krpc m;
        CHECK_INT(parse(&m, rows[i].packet), rows[i].want);
    }
}

TEST(krpc_wants_of_an_announce_a_port_and_a_token) {
    static const struct {
        const char *args;
        int want;
    } rows[] = {
        {"4:porti1e5:token1:t", 0},
        {"4:porti65535e5:token1:t", 0},
        {"12:implied_porti1e5:token1:t", 0},
        {"4:porti0e5:token1:t", ERR_PROTOCOL},
        {"4:porti65536e5:token1:t", ERR_PROTOCOL},
        {"4:porti-1e5:token1:t", ERR_PROTOCOL},
        {"5:token1:t", ERR_PROTOCOL},
        {"4:porti1e5:token0:", ERR_PROTOCOL},
        {"4:porti1e", ERR_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char packet[256];
        struct krpc m;
        snprintf(packet, sizeof packet,
                 "d1:ad2:id20:" ID "9:info_hash20:" OTHER
                 "%se1:q13:announce_peer1:t2:aa1:y1:qe",
                 rows[i].args);
        CHECK_INT(parse(&m, packet), rows[i].want);
        check_span(m.tid, "aa");
        CHECK_INT(m.method, KRPC_ANNOUNCE_PEER);
    }
}

TEST(krpc_loses_only_the_field_that_is_wrong) {
    static const char *const packets[] = {
        "d1:rd2:id20:" ID "6:valuesl6:axje.ui7eee1:t1:x1:y1:re", /* not all strings */
        "d1:rd2:id20:" ID "6:values6:axje.ue1:t1:x1:y1:re",
        "d1:rd2:id20:" ID "6:valuesl5:axje.7:axje.u.0:ee1:t1:x1:y1:re",
        "d1:rd2:id20:" ID "5:nodes25:1234567890123456789012345e1:t1:x1:y1:re",
        "d1:rd2:id20:" ID "5:nodesi26ee1:t1:x1:y1:re",
        "d1:rd4:BFsd3:abc2:id20:" ID "e1:t1:x1:y1:re",
    };
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        struct krpc m;
        struct krpc_node n;
        struct addr a;
        CHECK_INT(parse(&m, packets[i]), 0);
        CHECK(!krpc_next_value(&m.values, &a));
        CHECK(!krpc_next_node(&m.nodes, 4, &n));
        CHECK_INT(m.seeds.len, 0);
    }
}

TEST(krpc_keeps_no_long_token) {
    char packet[256];
    struct krpc m;
    for (size_t len = KRPC_MAX_TOKEN; len <= KRPC_MAX_TOKEN + 1; len++) {
        snprintf(packet, sizeof packet, "d1:rd2:id20:" ID "5:token%zu:%0*de1:t1:x1:y1:re",
                 len, (int)len, 0);
        CHECK_INT(parse(&m, packet), 0);
        CHECK_INT(m.token.len, len <= KRPC_MAX_TOKEN ? len : 0);
    }
}

/* A version of so many bytes makes a valid packet of the length that is wanted. */
TEST(krpc_reads_no_long_packet) {
    static char packet[KRPC_MAX_PACKET + 64];
    struct krpc m;
    for (size_t want = KRPC_MAX_PACKET; want <= KRPC_MAX_PACKET + 1; want++) {
        int pad = (int)(want - strlen(PONG) - strlen("1:v4000:"));
        int len = snprintf(packet, sizeof packet,
                           "d1:rd2:id20:" OTHER "e1:t2:aa1:v%d:%0*d1:y1:re", pad, pad, 0);
        CHECK_INT(len, want);
        CHECK_INT(parse(&m, packet), want > KRPC_MAX_PACKET ? ERR_LIMIT : 0);
    }
}

TEST(krpc_reads_every_cut_packet_without_reading_on) {
    static const char *const packets[] = {PING, FIND_NODE, GET_PEERS, ANNOUNCE,
                                          PONG, PEERS,     ERROR};
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        for (size_t len = 0; len < strlen(packets[i]); len++) {
            struct krpc m;
            CHECK_INT(parse_bytes(&m, packets[i], len), ERR_FORMAT);
        }
    }
}

TEST(krpc_writes_nothing_past_its_room) {
    static const char *const packets[] = {PING, FIND_NODE, GET_PEERS, ANNOUNCE,
                                          PONG, PEERS,     ERROR};
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        struct krpc m;
        uint8_t zeros[512] = {0};
        size_t len = strlen(packets[i]);
        CHECK_INT(parse(&m, packets[i]), 0);
        for (size_t room = 0; room < len; room++)
            CHECK_INT(krpc_write(check_at_page_end(zeros, room), room, &m), ERR_LIMIT);
        CHECK_INT(krpc_write(check_at_page_end(zeros, len), len, &m), len);
    }
}

TEST(krpc_survives_a_lack_of_memory) {
    CHECK_EACH_NOMEM(n) {
        struct krpc m;
        int rc = krpc_parse(&m, (const uint8_t *)PEERS, strlen(PEERS));
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
    }
}
