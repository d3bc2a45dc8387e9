/* resume: what was written is read again, and nothing else is believed. */
#include "engine/resume.h"

#include "base/hash.h"
#include "support/check.h"

#define PIECES 13
#define FILES 2

static const uint8_t hash[20] = "abcdefghijklmnopqrs";

/* A resume of 13 pieces, 2 files and 3 peers, in arrays of the test's own. */
struct sample {
    struct resume r;
    uint8_t have[8];
    struct storage_file_stat files[FILES];
    uint8_t priority[FILES];
    struct addr peers[3];
};

static void sample_init(struct sample *s) {
    static const uint8_t have[8] = {0xA5, 0x08};
    *s = (struct sample){
        .files = {{123456789012, 1700000000123456789}, {-1, 0}},
        .priority = {4, 0},
        .r = {.file_count = FILES, .peer_count = 3, .uploaded = 7, .downloaded = 8},
    };
    memcpy(s->have, have, sizeof have);
    memcpy(s->r.info_hash, hash, sizeof hash);
    s->r.have = (struct bitset){s->have, PIECES, 5};
    s->r.files = s->files;
    s->r.file_priority = s->priority;
    s->r.peers = s->peers;
    s->r.added_at = 1700000000;
    s->r.done_at = 1700000001;
    CHECK_INT(addr_parse(&s->peers[0], "10.0.0.1:6881", -1), 0);
    CHECK_INT(addr_parse(&s->peers[1], "[2001:db8::1]:80", -1), 0);
    CHECK_INT(addr_parse(&s->peers[2], "10.0.0.2:6882", -1), 0);
}

/* The sample's file, ending at a page border. */
static uint8_t *write_sample(struct sample *s, size_t *len) {
    struct text t;
    text_init(&t);
    resume_write(&t, &s->r);
    CHECK(!t.failed);
    uint8_t *copy = check_at_page_end(t.data, t.len);
    *len = t.len;
    text_free(&t);
    return copy;
}

/* The dictionary as a file with a digest that is right. */
static struct resume *parse_dict(const char *dict, size_t len, struct err *e) {
    uint8_t digest[20];
    struct text t;
    text_init(&t);
    CHECK_INT(sha1(digest, dict, len), 0);
    text_addc(&t, 'l');
    text_add(&t, dict, len);
    text_adds(&t, "20:");
    text_add(&t, digest, 20);
    text_addc(&t, 'e');
    struct resume *r = resume_parse((uint8_t *)t.data, t.len, hash, PIECES, FILES, e);
    text_free(&t);
    return r;
}

TEST(resume_read_gives_what_was_written) {
    struct sample s;
    size_t len;
    struct err e = {0};
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    struct resume *r = resume_parse(data, len, hash, PIECES, FILES, &e);
    CHECK_STR(e.text, "");
    CHECK(r);
    CHECK_MEM(r->info_hash, hash, 20);
    CHECK_INT(r->have.size, PIECES);
    CHECK_INT(r->have.count, 5);
    CHECK(bitset_has(&r->have, 0) && bitset_has(&r->have, 12));
    CHECK_INT(r->file_count, FILES);
    CHECK_MEM(r->files, s.files, sizeof s.files);
    CHECK_MEM(r->file_priority, s.priority, FILES);
    CHECK_INT(r->uploaded, 7);
    CHECK_INT(r->downloaded, 8);
    CHECK_INT(r->added_at, 1700000000);
    CHECK_INT(r->done_at, 1700000001);
    resume_free(r);
}

TEST(resume_keeps_peers_of_both_families) {
    struct sample s;
    size_t len;
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    struct resume *r = resume_parse(data, len, hash, PIECES, FILES, NULL);
    CHECK(r);
    CHECK_INT(r->peer_count, 3);
    CHECK(addr_equal(&r->peers[0], &s.peers[0]));
    CHECK(addr_equal(&r->peers[1], &s.peers[2]));
    CHECK(addr_equal(&r->peers[2], &s.peers[1]));
    resume_free(r);
}

TEST(resume_keeps_trackers_that_the_user_has_chosen) {
    static struct tracker_place places[] = {
        {"http://a/announce", 0}, {"udp://b:80", 7}, {"http://c/?x=1 2", 999}};
    for (uint32_t n = 0; n <= COUNT_OF(places); n++) {
        struct sample s;
        size_t len;
        sample_init(&s);
        s.r.own_trackers = true;
        s.r.trackers = places;
        s.r.tracker_count = n;
        const uint8_t *data = write_sample(&s, &len);
        struct resume *r = resume_parse(data, len, hash, PIECES, FILES, NULL);
        CHECK(r && r->own_trackers);
        CHECK_INT(r->tracker_count, n);
        for (uint32_t i = 0; i < n; i++) {
            CHECK_STR(r->trackers[i].url, places[i].url);
            CHECK_INT(r->trackers[i].tier, places[i].tier);
        }
        resume_free(r);
    }
}

TEST(resume_says_nothing_of_trackers_that_are_the_torrents_own) {
    struct sample s;
    size_t len;
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    struct resume *r = resume_parse(data, len, hash, PIECES, FILES, NULL);
    CHECK(r && !r->own_trackers);
    resume_free(r);
}

TEST(resume_keeps_a_hundred_peers_at_most) {
    static struct addr peers[300];
    struct sample s;
    size_t len;
    sample_init(&s);
    for (int i = 0; i < 300; i++)
        peers[i] = s.peers[i % 2];
    s.r.peers = peers;
    s.r.peer_count = 300;
    const uint8_t *data = write_sample(&s, &len);
    struct resume *r = resume_parse(data, len, hash, PIECES, FILES, NULL);
    CHECK(r);
    CHECK_INT(r->peer_count, 100);
    resume_free(r);
}

TEST(resume_of_another_torrent_is_refused) {
    static const uint8_t other[20] = "tsrqponmlkjihgfedcb";
    struct sample s;
    struct err e = {0};
    size_t len;
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    CHECK(!resume_parse(data, len, other, PIECES, FILES, &e));
    CHECK_INT(e.code, ERR_FORMAT);
    CHECK_STR(e.text, "the resume file is broken: it is of another torrent");
}

TEST(resume_with_other_pieces_or_files_is_refused) {
    struct sample s;
    struct err e = {0};
    size_t len;
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    CHECK(!resume_parse(data, len, hash, PIECES + 8, FILES, &e));
    CHECK_INT(e.code, ERR_FORMAT);
    CHECK(!resume_parse(data, len, hash, PIECES - 2, FILES, &e)); /* spare bits are set */
    CHECK(!resume_parse(data, len, hash, PIECES, FILES + 1, &e));
    CHECK(!resume_parse(data, len, hash, PIECES, 0, &e));
}

TEST(resume_cut_off_anywhere_is_refused) {
    struct sample s;
    size_t len;
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    for (size_t kept = 0; kept < len; kept++) {
        uint8_t *part = malloc(kept); /* so that a byte read too far is found */
        memcpy(part, data, kept);
        struct resume *r = resume_parse(part, kept, hash, PIECES, FILES, NULL);
        free(part);
        CHECK(!r);
    }
}

TEST(resume_with_any_flipped_bit_is_refused) {
    struct sample s;
    size_t len;
    sample_init(&s);
    uint8_t *data = write_sample(&s, &len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!resume_parse(data, len, hash, PIECES, FILES, NULL));
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(resume_that_is_something_else_is_refused) {
    static const char *const files[] = {"", "d", "de", "le", "ldee", "i1e", "li1ei2ee"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct err e = {0};
        const uint8_t *data = check_at_page_end(files[i], strlen(files[i]));
        CHECK(!resume_parse(data, strlen(files[i]), hash, PIECES, FILES, &e));
        CHECK(e.code < 0 && e.text[0]);
    }
}

/* The sample's dictionary with one string in it replaced by another. */
static struct resume *parse_changed(const char *from, const char *to, struct err *e) {
    struct sample s;
    size_t len;
    struct text t;
    sample_init(&s);
    const uint8_t *data = write_sample(&s, &len);
    const uint8_t *dict = data + 1, *end = data + len - 24;
    const uint8_t *at = memmem(dict, (size_t)(end - dict), from, strlen(from));
    CHECK(at);
    text_init(&t);
    text_add(&t, dict, (size_t)(at - dict));
    text_adds(&t, to);
    text_add(&t, at + strlen(from), (size_t)(end - at) - strlen(from));
    struct resume *r = parse_dict(t.data, t.len, e);
    text_free(&t);
    return r;
}

TEST(resume_with_numbers_that_make_no_sense_is_refused) {
    static const char *const changes[][2] = {
        {"8:uploadedi7e", "8:uploadedi-7e"},
        {"8:uploadedi7e", "8:uploaded1:7"},
        {"8:uploadedi7e", ""},
        {"10:downloadedi8e", "10:downloadedi-1e"},
        {"5:added", "5:dadde"},
        {"4:done", "4:enod"},
        {"4:have", "4:evah"},
        {"5:files34:", "5:filez34:"},
        {"9:info hash", "9:hash_info"},
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct err e = {0};
        CHECK(!parse_changed(changes[i][0], changes[i][1], &e));
        CHECK_INT(e.code, ERR_FORMAT);
    }
}

TEST(resume_of_another_version_is_refused) {
    struct err e = {0};
    CHECK(!parse_changed("6:formati1e", "6:formati2e", &e));
    CHECK_INT(e.code, ERR_UNSUPPORTED);
}

TEST(resume_with_keys_of_the_future_is_read) {
    struct resume *r = parse_changed("6:formati1e", "6:formati1e6:futureli1ee", NULL);
    CHECK(r);
    resume_free(r);
}

TEST(resume_without_peers_is_read) {
    struct resume *r = parse_changed("5:peers", "5:peerz", NULL);
    CHECK(r);
    CHECK_INT(r->peer_count, 1);
    resume_free(r);
}

TEST(resume_leaves_out_peers_that_cannot_be) {
    struct sample s;
    size_t len;
    sample_init(&s);
    s.peers[0].port = 0;
    memset(s.peers[2].ip, 0xff, 4);
    const uint8_t *data = write_sample(&s, &len);
    struct resume *r = resume_parse(data, len, hash, PIECES, FILES, NULL);
    CHECK(r);
    CHECK_INT(r->peer_count, 1);
    resume_free(r);
}

TEST(resume_with_a_file_size_or_priority_out_of_range_is_refused) {
    struct sample s;
    struct err e = {0};
    size_t len;
    sample_init(&s);
    s.files[0].size = -2;
    const uint8_t *data = write_sample(&s, &len);
    CHECK(!resume_parse(data, len, hash, PIECES, FILES, &e));
    CHECK_INT(e.code, ERR_FORMAT);
    sample_init(&s);
    s.priority[1] = 8;
    data = write_sample(&s, &len);
    CHECK(!resume_parse(data, len, hash, PIECES, FILES, &e));
}

TEST(resume_counts_beyond_63_bits_are_held_down) {
    struct sample s;
    size_t len;
    sample_init(&s);
    s.r.uploaded = UINT64_MAX;
    const uint8_t *data = write_sample(&s, &len);
    struct resume *r = resume_parse(data, len, hash, PIECES, FILES, NULL);
    CHECK(r);
    CHECK_INT(r->uploaded, INT64_MAX);
    resume_free(r);
}

TEST(resume_matches_files_that_did_not_change) {
    struct sample s;
    struct storage_file_stat now[FILES];
    sample_init(&s);
    memcpy(now, s.files, sizeof now);
    CHECK(resume_matches(&s.r, now));
    now[1].mtime_nsec = 5; /* a missing file has no time */
    CHECK(resume_matches(&s.r, now));
}

TEST(resume_does_not_match_another_size_or_time) {
    static const struct storage_file_stat changed[][FILES] = {
        {{123456789011, 1700000000123456789}, {-1, 0}},
        {{123456789012, 1700000000123456788}, {-1, 0}},
        {{123456789012, 1700000000123456789}, {0, 0}},
        {{-1, 1700000000123456789}, {-1, 0}},
    };
    struct sample s;
    sample_init(&s);
    for (size_t i = 0; i < COUNT_OF(changed); i++)
        CHECK(!resume_matches(&s.r, changed[i]));
}

TEST(resume_path_is_the_info_hash_below_the_state_directory) {
    static const uint8_t h[20] = {0x01, 0xef, [19] = 0x9a};
    char *path = resume_path("/var/state", h, "resume");
    CHECK_STR(path, "/var/state/01ef00000000000000000000000000000000009a.resume");
    free(path);
}

TEST(resume_without_memory_fails_whole) {
    CHECK_EACH_NOMEM(n) {
        struct sample s;
        struct err e = {0};
        struct text t;
        struct resume *r = NULL;
        struct tracker_place place = {"http://a/", 1};
        sample_init(&s);
        s.r.own_trackers = true, s.r.trackers = &place, s.r.tracker_count = 1;
        text_init(&t);
        resume_write(&t, &s.r);
        if (!t.failed)
            r = resume_parse((uint8_t *)t.data, t.len, hash, PIECES, FILES, &e);
        bool hit = check_nomem_hit(), read = r, told = t.failed || e.code == ERR_NOMEM;
        resume_free(r);
        text_free(&t);
        CHECK(read != hit);
        CHECK(told == hit);
    }
}
