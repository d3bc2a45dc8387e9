/* http_range: which bytes a request asks for (RFC 9110, section 14): the Range header, and whether
 * If-Range lets it count.
 *
 * One range is served. What is malformed, of another unit, or several at once may be ignored by
 * the rules, and is: the answer is then the whole. */
#ifndef MARE_HTTP_RANGE_H
#define MARE_HTTP_RANGE_H

#include "base/base.h"

enum http_range_answer {
    RANGE_WHOLE, /* 200: no range, or one that is ignored */
    RANGE_PART,  /* 206 */
    RANGE_BEYOND /* 416: well-formed, but nothing of it exists */
};

struct http_range {
    uint64_t first, length;
};

/* `text` is the header's value or NULL. *out is what to send (for RANGE_WHOLE all, for
 * RANGE_BEYOND nothing): clamped to `size`, a suffix ("bytes=-500") counted from the end. */
enum http_range_answer http_range_parse(const char *text, uint64_t size,
                                        struct http_range *out);
/* Is our tag (with its quotes) in the list of If-None-Match or If-Match, or is the list "*"? Weak tags
 * match: the comparison is for caches, and no tag of ours is weak. */
bool http_tag_matches(const char *list, const char *tag);
/* Does If-Range name what we have? Either our tag, as strong as it is, or exactly our date. */
bool http_if_range(const char *text, const char *tag, const char *date);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). */
#define HTTP_DATE 40
char *http_date(char out[HTTP_DATE], int64_t unix_seconds);

#endif
