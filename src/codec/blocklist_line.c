/* blocklist_line: see the header. Half a million lines are usual, so a line of IPv4 is read by hand; all
 * that is rare goes by way of addr_parse. */
#include "codec/blocklist_line.h"

#include <string.h>

#include "codec/blocklist.h"

#define ALLOWED 127 /* DAT: entries of a level over this are there to be let through */

static const char no_range[] = "this is no address, network or range of addresses";

struct cursor {
    const uint8_t *p, *end;
};

static void skip_blanks(struct cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
}

static bool skip_char(struct cursor *c, char wanted) {
    skip_blanks(c);
    if (c->p == c->end || *c->p != (uint8_t)wanted)
        return false;
    c->p++;
    skip_blanks(c);
    return true;
}

/* Up to `digits` decimal digits; -1 if there is none. */
static int read_number(struct cursor *c, int digits) {
    int v = 0;
    const uint8_t *start = c->p;
    while (c->p < c->end && c->p - start < digits && *c->p >= '0' && *c->p <= '9')
        v = v * 10 + *c->p++ - '0';
    return c->p == start ? -1 : v;
}

static bool is_address_char(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
           c == ':' || c == '.';
}

/* Leading zeros are usual in DAT files, and are decimal. */
static bool read_ip4(struct cursor *at, struct addr *a) {
    struct cursor c = *at;
    *a = (struct addr){.family = 4};
    for (int i = 0; i < 4; i++) {
        if (i && (c.p == c.end || *c.p++ != '.'))
            return false;
        int v = read_number(&c, 3);
        if (v < 0 || v > 255)
            return false;
        a->ip[i] = (uint8_t)v;
    }
    if (c.p < c.end && is_address_char(*c.p))
        return false;
    *at = c;
    return true;
}

static bool read_ip6(struct cursor *c, struct addr *a) {
    char text[ADDR_TEXT];
    size_t n = 0;
    while (n < (size_t)(c->end - c->p) && is_address_char(c->p[n]))
        n++;
    if (n >= sizeof text)
        return false;
    memcpy(text, c->p, n);
    text[n] = '\0';
    const char *colon = strchr(text, ':');
    if (!colon || !strchr(colon + 1, ':') || addr_parse(a, text, 0) < 0)
        return false;
    c->p += n;
    return true;
}

static bool read_ip(struct cursor *c, struct addr *a) {
    return read_ip4(c, a) || read_ip6(c, a);
}

/* Sets or clears the bits behind the prefix. */
static void fill(struct addr *a, int prefix, bool ones) {
    for (int i = 0; i < (a->family == 4 ? 4 : 16); i++) {
        int kept = MAX(0, MIN(8, prefix - 8 * i));
        uint8_t rest = (uint8_t)(0xff >> kept);
        a->ip[i] = (uint8_t)(ones ? a->ip[i] | rest : a->ip[i] & ~rest);
    }
}

/* "/24": NULL or what is wrong. "::ffff:1.2.3.0/120" has become IPv4, its prefix has
 * not. */
static const char *read_prefix(struct cursor *c, struct addr_range *r, bool colons) {
    int prefix = read_number(c, 3), bits = r->first.family == 4 ? 32 : 128;
    if (prefix < 0)
        return no_range;
    if (bits == 32 && colons)
        prefix -= 96;
    if (prefix < 0 || prefix > bits)
        return "no network has a prefix of this length";
    fill(&r->first, prefix, false);
    fill(&r->last, prefix, true);
    return NULL;
}

static int compare_ip(const struct addr *a, const struct addr *b) {
    return memcmp(a->ip, b->ip, sizeof a->ip);
}

const char *blocklist_check_order(const struct addr_range *r) {
    if (r->first.family != r->last.family)
        return "one end of the range is IPv4, the other IPv6";
    return compare_ip(&r->first, &r->last) > 0 ? "the range ends before it begins" : NULL;
}

/* An address, and what may follow one to make it many. */
static const char *read_range(struct cursor *c, struct addr_range *r) {
    const uint8_t *start = c->p;
    if (!read_ip(c, &r->first))
        return no_range;
    bool colons = memchr(start, ':', (size_t)(c->p - start));
    r->last = r->first;
    if (c->p < c->end && *c->p == '/') {
        c->p++;
        return read_prefix(c, r, colons);
    }
    if (!skip_char(c, '-'))
        return NULL;
    return read_ip(c, &r->last) ? blocklist_check_order(r) : no_range;
}

static bool at_end(struct cursor *c) {
    skip_blanks(c);
    return c->p == c->end || *c->p == '#' || *c->p == ';';
}

/* DAT, CIDR and plain: the line begins with an address. */
static const char *read_bare(struct cursor c, struct addr_range *r, bool *allowed) {
    const char *what = read_range(&c, r);
    if (what || at_end(&c))
        return what;
    if (!skip_char(&c, ','))
        return no_range;
    int level = read_number(&c, 5);
    *allowed = level > ALLOWED;
    return level < 0 ? no_range : NULL;
}

/* The rest of a P2P line, behind a colon: a range with both its ends. */
static const char *read_tail(struct cursor c, struct addr_range *r) {
    const uint8_t *dash = memchr(c.p, '-', (size_t)(c.end - c.p));
    skip_blanks(&c);
    const char *what = read_range(&c, r);
    return what || (dash && at_end(&c)) ? what : no_range;
}

/* P2P. There may be colons in the name, so each is tried. */
static const char *read_named(struct cursor c, struct addr_range *r) {
    const uint8_t *colon;
    const char *complaint = no_range;
    while ((colon = memchr(c.p, ':', (size_t)(c.end - c.p)))) {
        c.p = colon + 1;
        const char *what = read_tail(c, r);
        if (!what)
            return NULL;
        if (what != no_range)
            complaint = what;
    }
    return complaint;
}

static bool is_comment(struct cursor c) {
    size_t len = (size_t)(c.end - c.p);
    return !len || *c.p == '#' || *c.p == ';' || (len > 1 && !memcmp(c.p, "//", 2));
}

static const char *read_trimmed(struct cursor c, struct addr_range *r, bool *allowed) {
    const char *what = read_bare(c, r, allowed);
    return what == no_range ? read_named(c, r) : what;
}

const char *blocklist_read_line(struct span line, struct addr_range *r, bool *bars) {
    bool allowed = false;
    struct cursor c = {line.data, line.data + line.len};
    while (c.end > c.p && c.end[-1] <= ' ')
        c.end--;
    skip_blanks(&c);
    *bars = false;
    if (is_comment(c))
        return NULL;
    if (c.end - c.p > (ptrdiff_t)BLOCKLIST_MAX_LINE)
        return "the line is too long";
    const char *what = read_trimmed(c, r, &allowed);
    *bars = !what && !allowed;
    return what;
}
