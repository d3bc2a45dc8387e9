/* blocklist: lists of addresses that one does not want to meet, read from the formats
 * that are about, kept as sorted ranges, asked by binary search.
 *
 *     Some name:1.2.3.4-1.2.3.9                   P2P (PeerGuardian)
 *     001.002.003.004 - 001.002.003.009 , 000 , Some name      DAT (eMule); over 127 = allowed
 *     1.2.3.0/24    2001:db8::/32                 CIDR
 *     1.2.3.4-1.2.3.9    1.2.3.4    2001:db8::1   plain
 *     # comment    ; comment    // comment
 *
 * Each line is of whatever format it is: lists are pasted together by hand. A line that
 * makes no sense is left out and complained about; the rest counts. */
#ifndef MARE_BLOCKLIST_H
#define MARE_BLOCKLIST_H

#include "base/addr.h"
#include "base/err.h"

#define BLOCKLIST_MAX_RANGES 2000000u /* of each family */
#define BLOCKLIST_MAX_LINE 1024u
#define BLOCKLIST_MAX_COMPLAINTS 20u

struct blocklist_range4 {
    uint32_t first, last; /* both included; host order */
};
struct blocklist_range6 {
    uint8_t first[16], last[16];
};

struct blocklist_complaint {
    uint32_t line; /* from 1 */
    const char *what;
};

/* All zero is an empty list. */
struct blocklist {
    struct blocklist_range4 *ranges4; /* sorted, neither overlapping nor touching */
    struct blocklist_range6 *ranges6;
    uint32_t count4, cap4, count6, cap6;
    /* About the text that was added last: the first few, and how many there were. */
    struct blocklist_complaint complaints[BLOCKLIST_MAX_COMPLAINTS];
    uint32_t complaint_count;
};

void blocklist_init(struct blocklist *b);
void blocklist_fini(struct blocklist *b);
/* Adds a whole text; several may be added. 0, or with the list as it was before
 * ERR_NOMEM, ERR_LIMIT (too many ranges) or ERR_UNSUPPORTED (compressed), and a
 * sentence. */
int blocklist_add_text(struct blocklist *b, const void *data, size_t len, struct err *e)
    MUST_USE;
/* Both ends included, ports ignored. ERR_INVALID when they are no range. */
int blocklist_add_range(struct blocklist *b, const struct addr *first,
                        const struct addr *last) MUST_USE;
bool blocklist_has(const struct blocklist *b, const struct addr *a);
static inline uint32_t blocklist_count(const struct blocklist *b) {
    return b->count4 + b->count6;
}

#endif
