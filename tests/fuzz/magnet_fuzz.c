/* Any bytes as a magnet link: what was understood must survive being written and read again. */
#include <stdlib.h>
#include <string.h>

#include "codec/magnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void same_list(const struct magnet_list *a, const struct magnet_list *b) {
    require(a->count == b->count && a->count <= MAGNET_MAX_LIST);
    for (uint32_t i = 0; i < a->count; i++)
        require(strcmp(a->items[i], b->items[i]) == 0);
}

static void same(const struct magnet *a, const struct magnet *b) {
    require(memcmp(a->info_hash, b->info_hash, 20) == 0);
    require(!a->name == !b->name);
    same_list(&a->webseeds, &b->webseeds);
    same_list(&a->peers, &b->peers);
    require(a->file_count == b->file_count && a->file_count <= MAGNET_MAX_RANGES);
    for (uint32_t i = 0; i < a->file_count; i++)
        require(a->files[i].first == b->files[i].first &&
                a->files[i].last == b->files[i].last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct magnet m, again;
    struct text t;
    (void)magnet_likely((const char *)data, size);
    if (magnet_parse(&m, (const char *)data, size, NULL) < 0)
        return 0;
    text_init(&t);
    magnet_write(&t, &m);
    if (t.len <= MAGNET_MAX_LEN) {
        require(magnet_parse(&again, t.data, t.len, NULL) == 0);
        same(&m, &again);
        magnet_free(&again);
    }
    text_free(&t);
    magnet_free(&m);
    return 0;
}
