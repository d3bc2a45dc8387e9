/* blocklist: see the header.
 *
 *     text -> line -> range -> [sorted ranges][new ones, as they come]
 *                                        at the end: sort all, join what overlaps or touches
 *
 * What is added stays behind the sorted part until everything is there: to undo it is to
 * forget it. */
#include "codec/blocklist.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "codec/blocklist_line.h"

/* -- adding -------------------------------------------------------------------------- */

static void complain(struct blocklist *b, uint32_t line, const char *what) {
    if (b->complaint_count < BLOCKLIST_MAX_COMPLAINTS)
        b->complaints[b->complaint_count] = (struct blocklist_complaint){line, what};
    b->complaint_count++;
}

static int push4(struct blocklist *b, const struct addr_range *r) {
    if (b->count4 == BLOCKLIST_MAX_RANGES)
        return ERR_LIMIT;
    if (ARRAY_ROOM(b->ranges4, b->count4, b->cap4) < 0)
        return ERR_NOMEM;
    b->ranges4[b->count4++] =
        (struct blocklist_range4){get_u32(r->first.ip), get_u32(r->last.ip)};
    return 0;
}

static int push6(struct blocklist *b, const struct addr_range *r) {
    if (b->count6 == BLOCKLIST_MAX_RANGES)
        return ERR_LIMIT;
    if (ARRAY_ROOM(b->ranges6, b->count6, b->cap6) < 0)
        return ERR_NOMEM;
    memcpy(b->ranges6[b->count6].first, r->first.ip, 16);
    memcpy(b->ranges6[b->count6++].last, r->last.ip, 16);
    return 0;
}

static int push(struct blocklist *b, const struct addr_range *r) {
    return r->first.family == 4 ? push4(b, r) : push6(b, r);
}

static int add_line(struct blocklist *b, struct span text, uint32_t line) {
    struct addr_range r;
    bool bars;
    const char *what = blocklist_read_line(text, &r, &bars);
    if (what)
        complain(b, line, what);
    return bars ? push(b, &r) : 0;
}

static int add_lines(struct blocklist *b, struct span text) {
    int rc = 0;
    for (uint32_t line = 1; text.len && rc == 0; line++) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len;
        rc = add_line(b, (struct span){text.data, len}, line);
        text = span_skip(text, len + (end != NULL));
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
    int rc = len ? add_lines(b, (struct span){p + skip, len - skip}) : 0;
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
    struct addr_range r = {*first, *last};
    if (!first->family || blocklist_check_order(&r))
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
