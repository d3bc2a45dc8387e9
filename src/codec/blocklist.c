/* blocklist: see the header.
 *
 *     text -> line -> range -> [sorted ranges][new ones, as they come]
 *                                        at the end: sort all, join what overlaps or touches
 *
 * Half a million lines are usual, so a line of IPv4 is read by hand; all that is rare
 * goes by way of addr_parse. What is added stays behind the sorted part until everything
 * is there: to undo it is to forget it. */
#include "codec/blocklist.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"

#define ALLOWED 127 /* DAT: entries of a level over this are there to be let through */

struct range {
    struct addr first, last;
};

/* -- reading a line ------------------------------------------------------------------ */

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
static const char *read_prefix(struct cursor *c, struct range *r, bool colons) {
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

static const char *check_order(const struct range *r) {
    if (r->first.family != r->last.family)
        return "one end of the range is IPv4, the other IPv6";
    return compare_ip(&r->first, &r->last) > 0 ? "the range ends before it begins" : NULL;
}

/* An address, and what may follow one to make it many. */
static const char *read_range(struct cursor *c, struct range *r) {
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
    return read_ip(c, &r->last) ? check_order(r) : no_range;
}

static bool at_end(struct cursor *c) {
    skip_blanks(c);
    return c->p == c->end || *c->p == '#' || *c->p == ';';
}

/* DAT, CIDR and plain: the line begins with an address. */
static const char *read_bare(struct cursor c, struct range *r, bool *allowed) {
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
static const char *read_tail(struct cursor c, struct range *r) {
    const uint8_t *dash = memchr(c.p, '-', (size_t)(c.end - c.p));
    skip_blanks(&c);
    const char *what = read_range(&c, r);
    return what || (dash && at_end(&c)) ? what : no_range;
}

/* P2P. There may be colons in the name, so each is tried. */
static const char *read_named(struct cursor c, struct range *r) {
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

/* -- adding -------------------------------------------------------------------------- */

static void complain(struct blocklist *b, uint32_t line, const char *what) {
    if (b->complaint_count < BLOCKLIST_MAX_COMPLAINTS)
        b->complaints[b->complaint_count] = (struct blocklist_complaint){line, what};
    b->complaint_count++;
}

static int push4(struct blocklist *b, const struct range *r) {
    if (b->count4 == BLOCKLIST_MAX_RANGES)
        return ERR_LIMIT;
    if (ARRAY_ROOM(b->ranges4, b->count4, b->cap4) < 0)
        return ERR_NOMEM;
    b->ranges4[b->count4++] =
        (struct blocklist_range4){get_u32(r->first.ip), get_u32(r->last.ip)};
    return 0;
}

static int push6(struct blocklist *b, const struct range *r) {
    if (b->count6 == BLOCKLIST_MAX_RANGES)
        return ERR_LIMIT;
    if (ARRAY_ROOM(b->ranges6, b->count6, b->cap6) < 0)
        return ERR_NOMEM;
    memcpy(b->ranges6[b->count6].first, r->first.ip, 16);
    memcpy(b->ranges6[b->count6++].last, r->last.ip, 16);
    return 0;
}

static int push(struct blocklist *b, const struct range *r) {
    return r->first.family == 4 ? push4(b, r) : push6(b, r);
}

static int add_line(struct blocklist *b, struct cursor c, uint32_t line) {
    struct range r;
    bool allowed = false;
    while (c.end > c.p && c.end[-1] <= ' ')
        c.end--;
    skip_blanks(&c);
    if (is_comment(c))
        return 0;
    const char *what = "the line is too long";
    if (c.end - c.p <= (ptrdiff_t)BLOCKLIST_MAX_LINE) {
        what = read_bare(c, &r, &allowed);
        if (what == no_range)
            what = read_named(c, &r);
    }
    if (what)
        complain(b, line, what);
    return what || allowed ? 0 : push(b, &r);
}

static int add_lines(struct blocklist *b, struct cursor text) {
    int rc = 0;
    for (uint32_t line = 1; text.p < text.end && rc == 0; line++) {
        const uint8_t *end = memchr(text.p, '\n', (size_t)(text.end - text.p));
        struct cursor c = {text.p, end ? end : text.end};
        rc = add_line(b, c, line);
        text.p = end ? end + 1 : text.end;
    }
    return rc;
}

/* -- sorting and joining ------------------------------------------------------------- */

static int compare4(const void *a, const void *b) {
    const struct blocklist_range4 *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int compare6(const void *a, const void *b) {
    const struct blocklist_range6 *x = a, *y = b;
    return memcmp(x->first, y->first, 16);
}

/* Lists mostly come sorted, and many were sorted before: looking is cheaper than
 * sorting. */
static void sort(void *array, size_t count, size_t size,
                 int (*compare)(const void *, const void *)) {
    for (size_t i = 1; i < count; i++) {
        if (compare((char *)array + (i - 1) * size, (char *)array + i * size) > 0) {
            qsort(array, count, size, compare);
            return;
        }
    }
}

static void join4(struct blocklist *b) {
    uint32_t kept = 0;
    for (uint32_t i = 1; i < b->count4; i++) {
        struct blocklist_range4 *last = &b->ranges4[kept], r = b->ranges4[i];
        if (r.first <= last->last || r.first - 1 == last->last)
            last->last = MAX(last->last, r.last);
        else
            b->ranges4[++kept] = r;
    }
    b->count4 = b->count4 ? kept + 1 : 0;
}

/* Is b the address after a? */
static bool follows(const uint8_t a[16], const uint8_t b[16]) {
    uint64_t high = get_u64(a), low = get_u64(a + 8) + 1;
    return get_u64(b + 8) == low && get_u64(b) == high + (low == 0);
}

static void join6(struct blocklist *b) {
    uint32_t kept = 0;
    for (uint32_t i = 1; i < b->count6; i++) {
        struct blocklist_range6 *last = &b->ranges6[kept], r = b->ranges6[i];
        if (memcmp(r.first, last->last, 16) > 0 && !follows(last->last, r.first))
            b->ranges6[++kept] = r;
        else if (memcmp(r.last, last->last, 16) > 0)
            memcpy(last->last, r.last, 16);
    }
    b->count6 = b->count6 ? kept + 1 : 0;
}

static void settle(struct blocklist *b) {
    sort(b->ranges4, b->count4, sizeof *b->ranges4, compare4);
    sort(b->ranges6, b->count6, sizeof *b->ranges6, compare6);
    join4(b);
    join6(b);
}

/* -- the list ------------------------------------------------------------------------ */

void blocklist_init(struct blocklist *b) {
    *b = (struct blocklist){0};
}

void blocklist_fini(struct blocklist *b) {
    free(b->ranges4);
    free(b->ranges6);
    blocklist_init(b);
}

static bool is_compressed(const uint8_t *p, size_t len) {
    return len > 1 && ((p[0] == 0x1f && p[1] == 0x8b) || (p[0] == 'P' && p[1] == 'K'));
}

int blocklist_add_text(struct blocklist *b, const void *data, size_t len, struct err *e) {
    static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};
    uint32_t count4 = b->count4, count6 = b->count6;
    const uint8_t *p = data;
    b->complaint_count = 0;
    if (is_compressed(p, len))
        return err_set(e, ERR_UNSUPPORTED,
                       "the block list is compressed; unpack it first");
    size_t skip = len >= 3 && !memcmp(p, byte_order_mark, 3) ? 3 : 0;
    int rc = len ? add_lines(b, (struct cursor){p + skip, p + len}) : 0;
    if (rc < 0)
        b->count4 = count4, b->count6 = count6;
    else
        settle(b);
    if (rc == ERR_LIMIT)
        return err_set(e, rc, "the block list has more than %u ranges",
                       BLOCKLIST_MAX_RANGES);
    return rc < 0 ? err_set(e, rc, "out of memory") : 0;
}

int blocklist_add_range(struct blocklist *b, const struct addr *first,
                        const struct addr *last) {
    struct range r = {*first, *last};
    if (!first->family || check_order(&r))
        return ERR_INVALID;
    int rc = push(b, &r);
    if (rc == 0)
        settle(b);
    return rc;
}

static bool has4(const struct blocklist *b, uint32_t ip) {
    uint32_t low = 0, high = b->count4; /* the ranges before low begin at or before ip */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b->ranges4[middle].first <= ip)
            low = middle + 1;
        else
            high = middle;
    }
    return low && ip <= b->ranges4[low - 1].last;
}

static bool has6(const struct blocklist *b, const uint8_t ip[16]) {
    uint32_t low = 0, high = b->count6;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(b->ranges6[middle].first, ip, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && memcmp(ip, b->ranges6[low - 1].last, 16) <= 0;
}

bool blocklist_has(const struct blocklist *b, const struct addr *a) {
    if (a->family == 4)
        return has4(b, get_u32(a->ip));
    return a->family == 6 && has6(b, a->ip);
}
