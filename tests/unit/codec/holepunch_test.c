/* holepunch: both families, every length, and addresses that nobody has. */
#include "codec/holepunch.h"

#include "support/check.h"

static const struct {
    const char *bytes;
    size_t len;
    enum holepunch_type type;
    uint32_t error;
    const char *addr;
} rows[] = {
    {"\0\0\x01\x02\x03\x04\x1a\xe1\0\0\0\0", 12, HOLEPUNCH_RENDEZVOUS, 0, "1.2.3.4:6881"},
    {"\1\1\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05\x1a\xe1\0\0\0\0", 24,
     HOLEPUNCH_CONNECT, 0, "[2001:db8::5]:6881"},
    {"\2\0\x01\x02\x03\x04\x1a\xe1\0\0\0\3", 12, HOLEPUNCH_ERROR, HOLEPUNCH_NO_SUPPORT,
     "1.2.3.4:6881"},
    {"\2\0\x01\x02\x03\x04\x1a\xe1\xff\0\0\0", 12, HOLEPUNCH_ERROR, 0xff000000,
     "1.2.3.4:6881"},
};

static int decode(struct holepunch *m, const char *s, size_t len) {
    return holepunch_decode(m, check_at_page_end(s, len), len);
}

TEST(holepunch_reads_what_it_writes) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct holepunch m;
        char text[ADDR_TEXT];
        uint8_t out[HOLEPUNCH_MAX];
        CHECK_INT(decode(&m, rows[i].bytes, rows[i].len), 0);
        CHECK_INT(m.type, rows[i].type);
        CHECK_INT(m.error, rows[i].error);
        CHECK_STR(addr_format(&m.addr, text), rows[i].addr);
        CHECK_INT(holepunch_encode(out, &m), rows[i].len);
        CHECK_MEM(out, rows[i].bytes, rows[i].len);
    }
}

TEST(holepunch_survives_being_cut_anywhere) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_error = rows[i].type == HOLEPUNCH_ERROR;
        size_t least = rows[i].len - (is_error ? 0 : 4); /* some leave the code out */
        for (size_t len = 0; len < rows[i].len; len++) {
            struct holepunch m;
            CHECK_INT(decode(&m, rows[i].bytes, len), len < least ? ERR_FORMAT : 0);
        }
    }
}

TEST(holepunch_needs_two_bytes_to_know_its_family) {
    struct holepunch m;
    CHECK_INT(decode(&m, "\0", 1), ERR_FORMAT);
    CHECK_INT(decode(&m, "\0\xff", 2), ERR_FORMAT);
}

TEST(holepunch_error_only_counts_in_errors) {
    struct holepunch m;
    CHECK_INT(decode(&m, "\0\0\x01\x02\x03\x04\x1a\xe1\0\0\0\1", 12), 0);
    CHECK_INT(m.error, 0);
}

TEST(holepunch_refuses) {
    static const struct {
        const char *bytes;
        int rc;
    } bad[] = {
        {"\3\0\x01\x02\x03\x04\x1a\xe1\0\0\0\0", ERR_UNSUPPORTED},
        {"\0\2\x01\x02\x03\x04\x1a\xe1\0\0\0\0", ERR_FORMAT},
        {"\0\1\x01\x02\x03\x04\x1a\xe1\0\0\0\0", ERR_FORMAT}, /* too short for IPv6 */
        {"\0\0\x01\x02\x03\x04\0\0\0\0\0\0", ERR_INVALID},
        {"\0\0\0\0\0\0\x1a\xe1\0\0\0\0", ERR_INVALID},
        {"\1\0\xe0\0\0\x01\x1a\xe1\0\0\0\0", ERR_INVALID},
        {"\1\0\xff\xff\xff\xff\x1a\xe1\0\0\0\0", ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct holepunch m;
        CHECK_INT(decode(&m, bad[i].bytes, 12), bad[i].rc);
    }
}
