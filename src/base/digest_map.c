/* digest_map: see the header. At most three quarters full; a removed entry's followers move up, so
 * that there are no tombstones. */
#include "base/digest_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define FIRST_CAP 16u

void digest_map_fini(struct digest_map *m) {
    free(m->entry);
    *m = (struct digest_map){0};
}

static uint32_t home(const struct digest_map *m, const uint8_t *key) {
    return get_u32(key) & (m->cap - 1);
}

/* Where the key is, or where it would have its place. There is always a free one. */
static uint32_t place(const struct digest_map *m, const uint8_t *key) {
    uint32_t i = home(m, key);
    while (m->entry[i].value && memcmp(m->entry[i].key, key, DIGEST_LEN) != 0)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static void put(struct digest_map *m, const uint8_t *key, void *value) {
    struct digest_entry *e = &m->entry[place(m, key)];
    memcpy(e->key, key, DIGEST_LEN);
    e->value = value;
}

static int grow(struct digest_map *m) {
    struct digest_map bigger = {.cap = m->cap ? 2 * m->cap : FIRST_CAP,
                                .count = m->count};
    bigger.entry = calloc(bigger.cap, sizeof *bigger.entry);
    if (!bigger.entry)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->entry[i].value)
            put(&bigger, m->entry[i].key, m->entry[i].value);
    free(m->entry);
    *m = bigger;
    return 0;
}

int digest_map_add(struct digest_map *m, const uint8_t key[DIGEST_LEN], void *value) {
    if (digest_map_find(m, key))
        return ERR_EXISTS;
    if (4 * (m->count + 1) > 3 * m->cap && grow(m) < 0)
        return ERR_NOMEM;
    put(m, key, value);
    m->count++;
    return 0;
}

void *digest_map_find(const struct digest_map *m, const uint8_t key[DIGEST_LEN]) {
    return m->cap ? m->entry[place(m, key)].value : NULL;
}

/* May the entry at `from` move to the gap? Not if its home lies behind the gap. */
static bool may_move(const struct digest_map *m, uint32_t gap, uint32_t from) {
    uint32_t mask = m->cap - 1, h = home(m, m->entry[from].key);
    return ((from - h) & mask) >= ((from - gap) & mask);
}

void digest_map_remove(struct digest_map *m, const uint8_t key[DIGEST_LEN]) {
    if (!digest_map_find(m, key))
        return;
    uint32_t gap = place(m, key), mask = m->cap - 1;
    for (uint32_t i = (gap + 1) & mask; m->entry[i].value; i = (i + 1) & mask)
        if (may_move(m, gap, i)) {
            m->entry[gap] = m->entry[i];
            gap = i;
        }
    m->entry[gap].value = NULL;
    m->count--;
}
