#include "codec/media.h"

#include <string.h>

#define UNKNOWN "application/octet-stream"

struct row {
    const char *extension;
    enum media_kind kind;
    const char *type;
};

/* Types as browsers and players expect them; text says its encoding, or umlauts break. */
static const struct row rows[] = {
    {"mp4", MEDIA_VIDEO, "video/mp4"},
    {"m4v", MEDIA_VIDEO, "video/mp4"},
    {"mkv", MEDIA_VIDEO, "video/x-matroska"},
    {"webm", MEDIA_VIDEO, "video/webm"},
    {"mov", MEDIA_VIDEO, "video/quicktime"},
    {"avi", MEDIA_VIDEO, "video/x-msvideo"},
    {"ogv", MEDIA_VIDEO, "video/ogg"},
    {"ts", MEDIA_VIDEO, "video/mp2t"},
    {"m2ts", MEDIA_VIDEO, "video/mp2t"},
    {"mts", MEDIA_VIDEO, "video/mp2t"},
    {"mpg", MEDIA_VIDEO, "video/mpeg"},
    {"mpeg", MEDIA_VIDEO, "video/mpeg"},
    {"vob", MEDIA_VIDEO, "video/mpeg"},
    {"wmv", MEDIA_VIDEO, "video/x-ms-wmv"},
    {"asf", MEDIA_VIDEO, "video/x-ms-asf"},
    {"flv", MEDIA_VIDEO, "video/x-flv"},
    {"3gp", MEDIA_VIDEO, "video/3gpp"},
    {"divx", MEDIA_VIDEO, "video/x-msvideo"},
    {"rmvb", MEDIA_VIDEO, "application/vnd.rn-realmedia-vbr"},
    {"mp3", MEDIA_AUDIO, "audio/mpeg"},
    {"m4a", MEDIA_AUDIO, "audio/mp4"},
    {"m4b", MEDIA_AUDIO, "audio/mp4"},
    {"aac", MEDIA_AUDIO, "audio/aac"},
    {"flac", MEDIA_AUDIO, "audio/flac"},
    {"ogg", MEDIA_AUDIO, "audio/ogg"},
    {"oga", MEDIA_AUDIO, "audio/ogg"},
    {"opus", MEDIA_AUDIO, "audio/ogg"},
    {"wav", MEDIA_AUDIO, "audio/wav"},
    {"weba", MEDIA_AUDIO, "audio/webm"},
    {"mka", MEDIA_AUDIO, "audio/x-matroska"},
    {"wma", MEDIA_AUDIO, "audio/x-ms-wma"},
    {"ape", MEDIA_AUDIO, "audio/x-ape"},
    {"wv", MEDIA_AUDIO, "audio/x-wavpack"},
    {"aiff", MEDIA_AUDIO, "audio/aiff"},
    {"ac3", MEDIA_AUDIO, "audio/ac3"},
    {"dts", MEDIA_AUDIO, "audio/vnd.dts"},
    {"eac3", MEDIA_AUDIO, "audio/eac3"},
    {"srt", MEDIA_SUBTITLE, "application/x-subrip"},
    {"vtt", MEDIA_SUBTITLE, "text/vtt; charset=utf-8"},
    {"ass", MEDIA_SUBTITLE, "text/x-ssa"},
    {"ssa", MEDIA_SUBTITLE, "text/x-ssa"},
    {"sub", MEDIA_SUBTITLE, UNKNOWN},
    {"idx", MEDIA_SUBTITLE, UNKNOWN},
    {"sup", MEDIA_SUBTITLE, UNKNOWN},
    {"smi", MEDIA_SUBTITLE, UNKNOWN},
    {"jpg", MEDIA_IMAGE, "image/jpeg"},
    {"jpeg", MEDIA_IMAGE, "image/jpeg"},
    {"png", MEDIA_IMAGE, "image/png"},
    {"gif", MEDIA_IMAGE, "image/gif"},
    {"webp", MEDIA_IMAGE, "image/webp"},
    {"avif", MEDIA_IMAGE, "image/avif"},
    {"bmp", MEDIA_IMAGE, "image/bmp"},
    {"txt", MEDIA_TEXT, "text/plain; charset=utf-8"},
    {"nfo", MEDIA_TEXT, "text/plain; charset=utf-8"},
    {"md", MEDIA_TEXT, "text/plain; charset=utf-8"},
    {"cue", MEDIA_TEXT, "text/plain; charset=utf-8"},
    {"log", MEDIA_TEXT, "text/plain; charset=utf-8"},
};

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, const char *b) {
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

/* Behind the last dot of the last element; "" if there is none. */
static const char *extension(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : "";
}

static const struct row *find(const char *path) {
    const char *ext = extension(path);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (same_word(rows[i].extension, ext))
            return &rows[i];
    return NULL;
}

enum media_kind media_kind(const char *path) {
    const struct row *row = find(path);
    return row ? row->kind : MEDIA_OTHER;
}

const char *media_type(const char *path) {
    const struct row *row = find(path);
    return row ? row->type : UNKNOWN;
}

const char *media_kind_name(enum media_kind k) {
    static const char *const names[] = {NULL,       "video", "audio",
                                        "subtitle", "image", "text"};
    return names[k];
}

static bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/* As a word of its own: "samples.mkv" and "resample.mkv" are somebody's works. */
bool media_is_sample(const char *path) {
    static const char word[] = "sample";
    size_t len = sizeof word - 1, have = strlen(path);
    for (size_t i = 0; i + len <= have; i++) {
        size_t k = 0;
        while (k < len && lower(path[i + k]) == word[k])
            k++;
        if (k == len && !(i && is_letter(path[i - 1])) && !is_letter(path[i + len]))
            return true;
    }
    return false;
}

/* ---- natural order ------------------------------------------------------------------ */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Two numbers, without their leading zeros: the one with more digits is larger. Moves both
 * behind their digits. */
static int compare_numbers(const char **a, const char **b) {
    const char *p = *a, *q = *b;
    while (*p == '0')
        p++;
    while (*q == '0')
        q++;
    const char *p0 = p, *q0 = q;
    while (is_digit(*p))
        p++;
    while (is_digit(*q))
        q++;
    *a = p, *b = q;
    if (p - p0 != q - q0)
        return p - p0 < q - q0 ? -1 : 1;
    return memcmp(p0, q0, (size_t)(p - p0));
}

/* The end of an element comes before everything: "a/z" stands before "a b". */
static int weight(char c) {
    return c == '\0' ? 0 : c == '/' ? 1 : 2 + (unsigned char)lower(c);
}

int media_compare(const char *a, const char *b) {
    const char *p = a, *q = b;
    while (*p || *q) {
        int d;
        if (is_digit(*p) && is_digit(*q)) {
            d = compare_numbers(&p, &q);
        } else {
            d = weight(*p) - weight(*q);
            p += *p != '\0', q += *q != '\0';
        }
        if (d)
            return d;
    }
    return strcmp(a, b);
}
