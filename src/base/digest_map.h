/* digest_map: from digests of 20 bytes to things: which torrent has this info-hash? Open
 * addressing; a digest is as good as a random number, so its first bytes say where to look.
 *
 * Whoever could choose digests that collide here would have to be the user, who adds them. */
#ifndef MARE_DIGEST_MAP_H
#define MARE_DIGEST_MAP_H

#include "base/base.h"

#define DIGEST_LEN 20

/* All zero is an empty one. */
struct digest_map {
    struct digest_entry {
        uint8_t key[DIGEST_LEN];
        void *value; /* NULL = free */
    } * entry;
    uint32_t cap, count; /* cap is a power of two, or 0 */
};

void digest_map_fini(struct digest_map *m);
/* `value` is not NULL. 0; ERR_EXISTS (unchanged); ERR_NOMEM. */
int digest_map_add(struct digest_map *m, const uint8_t key[DIGEST_LEN], void *value)
    MUST_USE;
void *digest_map_find(const struct digest_map *m, const uint8_t key[DIGEST_LEN]);
void digest_map_remove(struct digest_map *m, const uint8_t key[DIGEST_LEN]);

#endif
