/* Any bytes as a block list: whatever comes of it is sorted, joined and found. */
#include <stdlib.h>
#include <string.h>

#include "codec/blocklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check4(const struct blocklist *b) {
    for (uint32_t i = 0; i < b->count4; i++) {
        uint32_t ip = b->ranges4[i].last;
        struct addr a = {.family = 4,
                         .ip = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16),
                                (uint8_t)(ip >> 8), (uint8_t)ip}};
        require(b->ranges4[i].first <= ip && blocklist_has(b, &a));
        require(!i || b->ranges4[i - 1].last + 1 < b->ranges4[i].first);
    }
}

static void check6(const struct blocklist *b) {
    for (uint32_t i = 0; i < b->count6; i++) {
        struct addr a = {.family = 6};
        memcpy(a.ip, b->ranges6[i].first, 16);
        require(memcmp(a.ip, b->ranges6[i].last, 16) <= 0 && blocklist_has(b, &a));
        require(!i || memcmp(b->ranges6[i - 1].last, a.ip, 16) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct blocklist b = {0};
    size_t half = size / 2;
    (void)!blocklist_add_text(&b, data, half, NULL);
    (void)!blocklist_add_text(&b, data + half, size - half, NULL);
    for (uint32_t i = 0; i < MIN(b.complaint_count, BLOCKLIST_MAX_COMPLAINTS); i++)
        require(b.complaints[i].line && b.complaints[i].what);
    check4(&b);
    check6(&b);
    blocklist_fini(&b);
    return 0;
}
