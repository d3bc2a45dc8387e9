/* media: what names say, and the order in which people read them. */
#include "codec/media.h"

#include "support/check.h"

TEST(media_kind_goes_by_the_last_extension) {
    static const struct {
        const char *path;
        enum media_kind kind;
        const char *type;
    } rows[] = {
        {"a/b.mkv", MEDIA_VIDEO, "video/x-matroska"},
        {"B.MP4", MEDIA_VIDEO, "video/mp4"},
        {"b.mp4.part", MEDIA_OTHER, "application/octet-stream"},
        {"b.mp4/notes", MEDIA_OTHER, "application/octet-stream"},
        {"mp4", MEDIA_OTHER, "application/octet-stream"},
        {".flac", MEDIA_AUDIO, "audio/flac"},
        {"a.srt", MEDIA_SUBTITLE, "application/x-subrip"},
        {"a.png", MEDIA_IMAGE, "image/png"},
        {"a.html", MEDIA_OTHER, "application/octet-stream"},
        {"a.svg", MEDIA_OTHER, "application/octet-stream"},
        {"a.js", MEDIA_OTHER, "application/octet-stream"},
        {"a.", MEDIA_OTHER, "application/octet-stream"},
        {"", MEDIA_OTHER, "application/octet-stream"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(media_kind(rows[i].path), rows[i].kind);
        CHECK_STR(media_type(rows[i].path), rows[i].type);
    }
    CHECK_STR(media_kind_name(MEDIA_SUBTITLE), "subtitle");
    CHECK(!media_kind_name(MEDIA_OTHER));
}

TEST(media_is_sample_looks_for_the_word) {
    CHECK(media_is_sample("x/Sample/a.mkv"));
    CHECK(media_is_sample("a-sample.mkv"));
    CHECK(media_is_sample("SAMPLE"));
    CHECK(!media_is_sample("samples.mkv"));
    CHECK(!media_is_sample("resample.mkv"));
    CHECK(!media_is_sample("sampl"));
    CHECK(!media_is_sample(""));
}

/* Each comes before all that follow it. */
TEST(media_compare_is_the_order_of_people) {
    static const char *const sorted[] = {
        "a",
        "a/1",
        "a/2/x",
        "a/10",
        "a b",
        "a01",
        "a1",
        "A1b",
        "a2",
        "a10",
        "a10b",
        "b/S01E02",
        "b/s01e03",
        "b/S1E10",
        "B/s2e1",
        "b99999999999999999999999",
        "b100000000000000000000000",
        "\xc3\xa9",
    };
    for (size_t i = 0; i < COUNT_OF(sorted); i++)
        for (size_t k = 0; k < COUNT_OF(sorted); k++) {
            int d = media_compare(sorted[i], sorted[k]);
            CHECK_INT(d < 0 ? -1 : d > 0, i < k ? -1 : i > k);
        }
}
