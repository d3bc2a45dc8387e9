/* lsd: the message as BEP 14 has it, as others write it, and what else a network says. */
#include "codec/lsd.h"

#include "support/check.h"

#define HEX "0123456789abcdef0123456789abcdef01234567"
#define UPPER "0123456789ABCDEF0123456789ABCDEF01234567"
#define FIRST "BT-SEARCH * HTTP/1.1\r\n"

static const uint8_t hash[20] = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab"
                                "\xcd\xef\x01\x23\x45\x67";

static int decode(struct lsd_message *m, const char *s, size_t len) {
    return lsd_decode(m, check_at_page_end(s, len), len);
}

static const char full[] = FIRST "Host: 239.192.152.143:6771\r\n"
                                 "Port: 6881\r\n"
                                 "Infohash: " HEX "\r\n"
                                 "cookie: abc\r\n"
                                 "\r\n\r\n";

TEST(lsd_reads_what_it_writes) {
    struct lsd_message m;
    struct text t;
    text_init(&t);
    CHECK_INT(decode(&m, full, sizeof full - 1), 0);
    CHECK_INT(m.port, 6881);
    CHECK_INT(m.count, 1);
    CHECK_MEM(m.hashes[0], hash, 20);
    CHECK_STR(m.cookie, "abc");
    lsd_encode(&t, &m, 4);
    CHECK_STR(t.data, full);
    text_free(&t);
}

TEST(lsd_reads_any_port) {
    static const uint16_t ports[] = {1, 10, 6090, 49999, 65535};
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        struct lsd_message m = {.port = ports[i], .count = 1}, again;
        struct text t;
        text_init(&t);
        lsd_encode(&t, &m, 4);
        CHECK_INT(decode(&again, t.data, t.len), 0);
        CHECK_INT(again.port, ports[i]);
        text_free(&t);
    }
}

TEST(lsd_names_the_group_it_goes_to) {
    struct lsd_message m = {.port = 1};
    struct text t;
    text_init(&t);
    lsd_encode(&t, &m, 6);
    CHECK_STR(t.data, FIRST "Host: [ff15::efc0:988f]:6771\r\nPort: 1\r\n\r\n\r\n");
    text_free(&t);
}

TEST(lsd_reads_the_messages_of_others) {
    static const char *const texts[] = {
        FIRST "Infohash: " UPPER "\r\nPort: 1\r\n\r\n\r\n",
        FIRST "infohash:" HEX "\r\nPORT:1\r\n",
        "BT-SEARCH * HTTP/1.1\nInfohash: " HEX "\nPort:  1 \n\n",
        FIRST "Port: 1\r\nInfohash: " HEX,
        "bt-search * http/1.1\r\nPort: 1\r\nX-Other: y\r\nnonsense\r\n:\r\nInfohash: " HEX
        "\r\n",
        FIRST "Port: 1\r\nInfohash: short\r\nInfohash: " HEX "\r\n\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct lsd_message m;
        if (decode(&m, texts[i], strlen(texts[i])) != 0)
            check_fail(__FILE__, __LINE__, "\"%s\" is refused", texts[i]);
        CHECK_INT(m.port, 1);
        CHECK_INT(m.count, 1);
        CHECK_MEM(m.hashes[0], hash, 20);
        CHECK_STR(m.cookie, "");
    }
}

TEST(lsd_refuses_what_is_no_message) {
    static const char *const texts[] = {
        "",
        "\r\n",
        "M-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: " HEX "\r\n",
        "BT-SEARCH * HTTP/1.1 x\r\nPort: 1\r\nInfohash: " HEX "\r\n",
        FIRST,
        FIRST "Port: 1\r\n\r\n",
        FIRST "Infohash: " HEX "\r\n",
        FIRST "Port: 0\r\nInfohash: " HEX "\r\n",
        FIRST "Port: \r\nInfohash: " HEX "\r\n",
        FIRST "Port: 65536\r\nInfohash: " HEX "\r\n",
        FIRST "Port: 4294967297\r\nInfohash: " HEX "\r\n",
        FIRST "Port: 18446744073709551617\r\nInfohash: " HEX "\r\n",
        FIRST "Port: -1\r\nInfohash: " HEX "\r\n",
        FIRST "Port: 1x\r\nInfohash: " HEX "\r\n",
        FIRST "Port: 1\r\nInfohash: " HEX "0\r\n",
        FIRST "Port: 1\r\nInfohash: x123456789abcdef0123456789abcdef01234567\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct lsd_message m;
        if (decode(&m, texts[i], strlen(texts[i])) != ERR_FORMAT)
            check_fail(__FILE__, __LINE__, "\"%s\" is taken", texts[i]);
    }
}

TEST(lsd_number_of_hashes_is_bounded) {
    struct lsd_message m;
    struct text t;
    text_init(&t);
    text_adds(&t, FIRST "Port: 1\r\n");
    for (int i = 0; i < 25; i++)
        text_adds(&t, "Infohash: " HEX "\r\n");
    CHECK_INT(decode(&m, t.data, t.len), 0);
    CHECK_INT(m.count, LSD_MAX_HASHES);
    text_free(&t);
}

TEST(lsd_longest_message_of_ours_is_short_enough) {
    struct lsd_message m = {.port = 65535, .count = LSD_MAX_HASHES}, again;
    struct text t;
    text_init(&t);
    memset(m.cookie, 'c', LSD_MAX_COOKIE);
    lsd_encode(&t, &m, 6);
    CHECK(t.len <= LSD_MAX_MESSAGE);
    CHECK_INT(decode(&again, t.data, t.len), 0);
    CHECK(memcmp(&m, &again, sizeof m) == 0);
    text_free(&t);
}

TEST(lsd_length_is_bounded) {
    static char s[LSD_MAX_MESSAGE + 1];
    struct lsd_message m;
    memset(s, '\n', sizeof s);
    memcpy(s, full, sizeof full - 1);
    CHECK_INT(decode(&m, s, LSD_MAX_MESSAGE), 0);
    CHECK_INT(decode(&m, s, LSD_MAX_MESSAGE + 1), ERR_LIMIT);
}

TEST(lsd_long_cookie_is_cut) {
    struct lsd_message m;
    struct text t;
    text_init(&t);
    text_adds(&t, FIRST "Port: 1\r\nInfohash: " HEX "\r\ncookie: ");
    for (int i = 0; i < 500; i++)
        text_addc(&t, 'c');
    CHECK_INT(decode(&m, t.data, t.len), 0);
    CHECK_INT(strlen(m.cookie), LSD_MAX_COOKIE);
    text_free(&t);
}

TEST(lsd_survives_being_cut_anywhere) {
    size_t whole = (size_t)(strstr(full, HEX) - full) + 40;
    for (size_t len = 0; len < sizeof full; len++) {
        struct lsd_message m;
        CHECK_INT(decode(&m, full, len), len < whole ? ERR_FORMAT : 0);
    }
}
