/* path: names from a torrent made safe, and the set of those already given.
 *
 * One element is made safe by itself, whatever stands around it; joined with '/' below the
 * download directory it can then name nothing outside. The set finds out when two files of a
 * torrent would be the same file, or one a directory of the other. */
#ifndef MARE_PATH_H
#define MARE_PATH_H

#include "base/bytes.h"
#include "base/err.h"

#define PATH_MAX_ELEMENT 255 /* bytes; what every file system takes */

/* Appends a safe element made of `raw`; true if it is `raw` unchanged. Never empty. */
bool path_add_element(struct text *out, struct span raw);

struct path_entry;
struct path_set {
    struct path_entry *slots;
    uint32_t cap, count; /* cap: 0 or a power of two */
    uint64_t seed;
};

void path_set_init(struct path_set *s);
void path_set_fini(struct path_set *s);
/* Claims the path paths->data[start..len) for a file, and its parents for directories. The set
 * refers to paths by their place in this one text, which may grow but not change. If the file
 * exists the path's end is rewritten ("name (1).ext") and 1 is returned. 0 = as it stood.
 * ERR_UNSAFE: it would be a file and a directory at once; ERR_LIMIT: too many files of one
 * name; ERR_NOMEM. */
int path_set_claim(struct path_set *s, struct text *paths, size_t start) MUST_USE;

#endif
