/* media: what a file's name says of its contents: kind, content type, and its place in the order in
 * which people expect a list.
 *
 * By the name alone, for a stream is offered before its first byte is here. What may not be run
 * by a browser (HTML, SVG, scripts) has no type of its own: it is plain bytes. */
#ifndef MARE_MEDIA_H
#define MARE_MEDIA_H

#include "base/base.h"

enum media_kind {
    MEDIA_OTHER,
    MEDIA_VIDEO,
    MEDIA_AUDIO,
    MEDIA_SUBTITLE,
    MEDIA_IMAGE,
    MEDIA_TEXT
};

enum media_kind media_kind(const char *path);
const char *media_kind_name(enum media_kind k); /* "video" ...; NULL for MEDIA_OTHER */
/* "video/mp4"; "application/octet-stream" for what is not known. Never NULL. */
const char *media_type(const char *path);
/* Video and audio: what a player plays. */
static inline bool media_is_playable(enum media_kind k) {
    return k == MEDIA_VIDEO || k == MEDIA_AUDIO;
}
/* Calls itself a sample: "Sample/x.mkv", "x-sample.mkv". */
bool media_is_sample(const char *path);

/* Natural order of two paths: numbers count as numbers ("2.mkv" < "10.mkv"), the case of ASCII
 * letters only among equals, a folder's own files stay together. < 0, 0 (the same bytes), > 0. */
int media_compare(const char *a, const char *b);

#endif
