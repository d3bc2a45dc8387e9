/* metainfo_parts: the readers that metainfo.c puts together, each in a file of its own. They
 * fill their fields of a zeroed metainfo; what they leave behind on failure is freed with it. */
#ifndef MARE_METAINFO_PARTS_H
#define MARE_METAINFO_PARTS_H

#include "codec/metainfo.h"

/* name, files, paths, size, multi, renamed. 0 or an error with a sentence. */
int metainfo_read_files(struct metainfo *m, struct bnode info, struct err *e) MUST_USE;

/* tiers, webseeds and nodes, from the whole torrent. 0 or ERR_NOMEM: an address that makes no sense
 * is left out, a torrent without addresses is fine. */
int metainfo_read_trackers(struct metainfo *m, struct bnode root) MUST_USE;
int metainfo_read_webseeds(struct metainfo *m, struct bnode root) MUST_USE;
int metainfo_read_nodes(struct metainfo *m, struct bnode root) MUST_USE;

/* The member under "key.utf-8" (an old extension) if it is valid, else the one under "key". */
struct bnode metainfo_get_text(struct bnode dict, const char *key);

#endif
