#include "base/err.h"

#include "support/check.h"

#include <errno.h>

TEST(err_name_knows_every_code) {
    for (int code = ERR_LAST; code < 0; code++) {
        CHECK(err_name(code)[0]);
        CHECK(strcmp(err_name(code), "unknown"));
        for (int other = ERR_LAST; other < code; other++)
            CHECK(strcmp(err_name(code), err_name(other)));
    }
}

TEST(err_name_is_ok_for_success) {
    CHECK_STR(err_name(0), "ok");
    CHECK_STR(err_name(17), "ok");
}

TEST(err_name_survives_a_code_that_does_not_exist) {
    CHECK_STR(err_name(ERR_LAST - 1), "unknown");
    CHECK_STR(err_name(INT32_MIN), "unknown");
}

TEST(err_names_are_the_promised_words) {
    CHECK_STR(err_name(ERR_NOMEM), "nomem");
    CHECK_STR(err_name(ERR_FORMAT), "format");
    CHECK_STR(err_name(ERR_HASH), "hash");
    CHECK_STR(err_name(ERR_NOSPACE), "nospace");
    CHECK_STR(err_name(ERR_BUSY), "busy");
}

TEST(err_set_returns_the_code_and_fills_the_sentence) {
    struct err e = {0};
    CHECK_INT(err_set(&e, ERR_LIMIT, "%d pieces are too many", 7), ERR_LIMIT);
    CHECK_INT(e.code, ERR_LIMIT);
    CHECK_STR(e.text, "7 pieces are too many");
}

TEST(err_set_without_a_place_only_returns_the_code) {
    CHECK_INT(err_set(NULL, ERR_EOF, "%s", "gone"), ERR_EOF);
    CHECK_INT(err_errno(NULL, ENOENT, "open %s", "x"), ERR_NOTFOUND);
}

TEST(err_set_cuts_a_long_sentence) {
    struct err e;
    int code = err_set(&e, ERR_FORMAT, "%0500d", 1);
    CHECK_INT(code, ERR_FORMAT);
    CHECK_INT(strlen(e.text), sizeof e.text - 1);
}

TEST(err_errno_appends_the_systems_words) {
    struct err e;
    CHECK_INT(err_errno(&e, EACCES, "cannot open %s", "a.iso"), ERR_ACCESS);
    CHECK_STR(e.text, "cannot open a.iso: Permission denied");
}

TEST(err_errno_fits_when_the_sentence_is_long_already) {
    struct err e;
    CHECK_INT(err_errno(&e, EIO, "%0250d", 1), ERR_IO);
    CHECK_INT(strlen(e.text), sizeof e.text - 1);
    CHECK_INT(err_errno(&e, EIO, "%0255d", 1), ERR_IO);
    CHECK_INT(strlen(e.text), sizeof e.text - 1);
}

TEST(err_from_errno_chooses_the_code) {
    static const struct {
        int errnum, code;
    } rows[] = {
        {ENOSPC, ERR_NOSPACE},
        {EDQUOT, ERR_NOSPACE},
        {EACCES, ERR_ACCESS},
        {EPERM, ERR_ACCESS},
        {EROFS, ERR_ACCESS},
        {ENOENT, ERR_NOTFOUND},
        {EEXIST, ERR_EXISTS},
        {ENOMEM, ERR_NOMEM},
        {ECONNREFUSED, ERR_REFUSED},
        {ETIMEDOUT, ERR_TIMEOUT},
        {ECONNRESET, ERR_NETWORK},
        {EPIPE, ERR_NETWORK},
        {EHOSTUNREACH, ERR_NETWORK},
        {ENETUNREACH, ERR_NETWORK},
        {EIO, ERR_IO},
        {EISDIR, ERR_IO},
        {12345, ERR_IO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(err_from_errno(rows[i].errnum), rows[i].code);
}
