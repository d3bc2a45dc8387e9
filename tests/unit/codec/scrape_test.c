/* scrape: the URL by convention, and replies about what was asked. */
#include "codec/scrape.h"

#include "support/check.h"

static const uint8_t hashes[2][20] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbb%"};

TEST(scrape_url_follows_the_convention) {
    static const struct {
        const char *announce, *scrape; /* NULL = there is none */
    } rows[] = {
        {"http://t/announce", "http://t/scrape?"},
        {"https://t/x/announce", "https://t/x/scrape?"},
        {"http://t/announce.php", "http://t/scrape.php?"},
        {"http://t/announce?key=1", "http://t/scrape?key=1&"},
        {"http://t/announce?", "http://t/scrape?"},
        {"http://t/announce?a&", "http://t/scrape?a&"},
        {"http://t//announce", "http://t//scrape?"},
        {"http://t/announce#x", "http://t/scrape?"},
        {"HTTP://t/announce", "HTTP://t/scrape?"},
        {"http://t/a", NULL},
        {"http://t/", NULL},
        {"http://t", NULL},
        {"http://announce", NULL},
        {"http://t/announce?x=2/4", NULL},
        {"http://t/x%064announce", NULL},
        {"http://t/announce/x", NULL},
        {"udp://t:80/announce", NULL},
        {"wss://t/announce", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text want, t;
        text_init(&t);
        text_init(&want);
        int rc = scrape_url(&t, rows[i].announce, hashes, 1);
        if (rc != (rows[i].scrape ? 0 : ERR_UNSUPPORTED))
            check_fail(__FILE__, __LINE__, "\"%s\": %d", rows[i].announce, rc);
        if (rc == 0) {
            text_addf(&want, "%sinfo_hash=aaaaaaaaaaaaaaaaaaaa", rows[i].scrape);
            CHECK_STR(t.data, want.data);
        }
        text_free(&want);
        text_free(&t);
    }
}

TEST(scrape_url_names_several_and_appends) {
    struct text t;
    text_init(&t);
    text_adds(&t, "?");
    CHECK_INT(scrape_url(&t, "http://t/announce", hashes, 2), 0);
    CHECK_STR(t.data, "?http://t/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa"
                      "&info_hash=bbbbbbbbbbbbbbbbbbb%25");
    text_free(&t);
}

struct result {
    struct scrape_reply r;
    struct scrape_counts counts[2];
};

static int parse(struct result *x, const char *s, size_t len) {
    struct err e = {0};
    int rc = scrape_reply_parse(&x->r, x->counts, hashes, 2, check_at_page_end(s, len),
                                len, &e);
    CHECK(rc == 0 || e.text[0]);
    return rc;
}

static void expect(const struct scrape_counts *c, int64_t complete, int64_t downloaded,
                   int64_t incomplete) {
    CHECK_INT(c->complete, complete);
    CHECK_INT(c->downloaded, downloaded);
    CHECK_INT(c->incomplete, incomplete);
}

static const char full[] =
    "d5:filesd"
    "20:bbbbbbbbbbbbbbbbbbb%d8:completei5e10:downloadedi50e10:incompletei10ee"
    "20:zzzzzzzzzzzzzzzzzzzzd8:completei1ee"
    "3:aaad8:completei1ee"
    "e5:flagsd20:min_request_intervali900eee";

TEST(scrape_reads_counts_of_what_was_asked) {
    struct result x;
    CHECK_INT(parse(&x, full, sizeof full - 1), 0);
    expect(&x.counts[0], -1, -1, -1);
    expect(&x.counts[1], 5, 50, 10);
    CHECK_STR(x.r.failure, "");
    CHECK_INT(x.r.min_interval, 900);
}

TEST(scrape_counts_must_be_plausible) {
    static const char s[] =
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei-1e10:downloadedi"
        "99999999999e10:incomplete1:5eee";
    struct result x;
    CHECK_INT(parse(&x, s, sizeof s - 1), 0);
    expect(&x.counts[0], -1, -1, -1);
}

TEST(scrape_takes_odd_replies) {
    static const struct {
        const char *text;
        int rc, min_interval;
    } rows[] = {
        {"", ERR_FORMAT, 0},
        {"le", ERR_FORMAT, 0},
        {"<html>", ERR_FORMAT, 0},
        {"de", 0, 0},
        {"d5:filesle5:flagslee", 0, 0},
        {"d5:filesd20:aaaaaaaaaaaaaaaaaaaai1eee\n", 0, 0},
        {"d5:flagsd20:min_request_intervali1eee", 0, 60},
        {"d5:flagsd20:min_request_intervali-9eee", 0, 0},
        {"d5:flagsd20:min_request_intervali9223372036854775807eee", 0, 86400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct result x;
        CHECK_INT(parse(&x, rows[i].text, strlen(rows[i].text)), rows[i].rc);
        CHECK_INT(x.r.min_interval, rows[i].min_interval);
        expect(&x.counts[0], -1, -1, -1);
    }
}

TEST(scrape_failure_is_a_sentence) {
    static const char s[] = "d14:failure reason5:not\x1b!e";
    struct result x;
    CHECK_INT(parse(&x, s, sizeof s - 1), 0);
    CHECK_STR(x.r.failure, "not?!");
}

TEST(scrape_reply_size_is_bounded) {
    uint8_t *data = calloc(1, SCRAPE_MAX_REPLY + 1);
    struct scrape_reply r;
    CHECK(data);
    CHECK_INT(scrape_reply_parse(&r, NULL, NULL, 0, data, SCRAPE_MAX_REPLY + 1, NULL),
              ERR_LIMIT);
    CHECK_INT(scrape_reply_parse(&r, NULL, NULL, 0, data, SCRAPE_MAX_REPLY, NULL),
              ERR_FORMAT);
    free(data);
}

TEST(scrape_survives_being_cut_anywhere) {
    struct result x;
    for (size_t len = 0; len < sizeof full - 1; len++)
        CHECK_INT(parse(&x, full, len), ERR_FORMAT);
}

TEST(scrape_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct result x;
        struct text t;
        text_init(&t);
        int rc = scrape_reply_parse(&x.r, x.counts, hashes, 2, (const uint8_t *)full,
                                    sizeof full - 1, NULL);
        if (rc == 0)
            rc = scrape_url(&t, "http://t/announce", hashes, 2);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        text_free(&t);
    }
}
