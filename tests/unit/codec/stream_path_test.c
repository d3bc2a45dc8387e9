/* stream_path: addresses of the streaming server, from hands that may be hostile. */
#include "codec/stream_path.h"

#include "support/check.h"

#define HASH "0123456789abcdef0123456789ABCDEF01234567"

static struct stream_path parse(const char *path) {
    struct stream_path p;
    stream_path_parse(&p, (const char *)check_at_page_end(path, strlen(path) + 1), "tok");
    return p;
}

TEST(stream_path_knows_its_places) {
    static const struct {
        const char *path;
        enum stream_place place;
    } rows[] = {
        {"/tok", STREAM_BARE},
        {"/tok/", STREAM_PAGE},
        {"/tok/style.css", STREAM_ASSET},
        {"/tok/status.json", STREAM_STATUS},
        {"/tok/" HASH ".m3u", STREAM_PLAYLIST},
        {"/tok/" HASH ".m3u8", STREAM_PLAYLIST},
        {"/tok/" HASH "/1", STREAM_FILE},
        {"/tok/" HASH "/1/", STREAM_FILE},
        {"/tok/" HASH "/4294967295/a/b/../c", STREAM_FILE},
        {"/tok/" HASH, STREAM_NOWHERE},
        {"/tok/" HASH "/", STREAM_NOWHERE},
        {"/tok/" HASH "/0", STREAM_NOWHERE},
        {"/tok/" HASH "/01", STREAM_NOWHERE},
        {"/tok/" HASH "/4294967296", STREAM_NOWHERE},
        {"/tok/" HASH "/1x", STREAM_NOWHERE},
        {"/tok/" HASH ".m3u/", STREAM_NOWHERE},
        {"/tok/a/b", STREAM_NOWHERE},
        {"/tok/../tok/", STREAM_NOWHERE},
        {"/tok2/", STREAM_NOWHERE},
        {"/to", STREAM_NOWHERE},
        {"/to/", STREAM_NOWHERE},
        {"/toK/", STREAM_NOWHERE},
        {"tok/", STREAM_NOWHERE},
        {"xtok/", STREAM_NOWHERE},
        {"/", STREAM_NOWHERE},
        {"", STREAM_NOWHERE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(parse(rows[i].path).place, rows[i].place);
}

TEST(stream_path_is_read_as_it_was_written) {
    uint8_t hash[20];
    struct text t;
    CHECK_INT(hex_decode(hash, HASH, 20), 0);
    text_init(&t);
    stream_path_add_file(&t, "tok", hash, 17, "moon/dark side/a b?#%.mkv");
    CHECK_STR(t.data, "/tok/0123456789abcdef0123456789abcdef01234567/17/"
                      "a%20b%3F%23%25.mkv");
    struct stream_path p = parse(t.data);
    CHECK_INT(p.place, STREAM_FILE);
    CHECK_INT(p.index, 17);
    CHECK_MEM(p.info_hash, hash, 20);
    text_clear(&t);
    stream_path_add_playlist(&t, "tok", hash);
    CHECK_INT(parse(t.data).place, STREAM_PLAYLIST);
    text_free(&t);
}

TEST(stream_token_is_of_letters_that_need_no_escape) {
    char longest[STREAM_TOKEN_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[STREAM_TOKEN_MAX + 1] = '\0';
    CHECK(!stream_token_valid(longest));
    CHECK(stream_token_valid(longest + 1));
    CHECK(stream_token_valid("aZ09-_"));
    CHECK(!stream_token_valid(""));
    CHECK(!stream_token_valid("a/b"));
    CHECK(!stream_token_valid("a%62"));
    CHECK(!stream_token_valid("\xc3\xa9"));
}

TEST(stream_host_is_an_address_or_localhost) {
    static const char *const good[] = {"127.0.0.1",      "127.0.0.1:8080", "localhost",
                                       "LOCALHOST:1",    "[::1]",          "[::1]:8080",
                                       "192.168.178.20", "10.0.0.1:65535"};
    static const char *const bad[] = {
        "",           "evil.example", "evil.example:80",   "127.0.0.1.evil.example",
        "localhostx", "localhost.",   "localhost:80x",     "localhost:80:80",
        "local",      "127.0.0.1:0x", "127.0.0.1 evil",    "127.1",
        "2130706433", "[::1",         "[::1]evil.example", "user@127.0.0.1"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        CHECK(stream_host_valid(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK(!stream_host_valid(
            (const char *)check_at_page_end(bad[i], strlen(bad[i]) + 1)));
}
