/* magnet: a link that holds no more than a torrent's identity and where to ask (BEP 9,
 * 53).
 *
 *     magnet:?xt=urn:btih:<40 hex or 32 base32>&dn=name&tr=tracker&ws=web&x.pe=host:port&so=0,2-4
 *
 * A message and its inverse in one file. Links come from people, by way of web pages,
 * shells and players, each of which may damage them; what can be repaired without
 * guessing is (see magnet.c). Only the info hash is needed: any other field that makes no
 * sense, or is one too many, is left out. */
#ifndef MARE_MAGNET_H
#define MARE_MAGNET_H

#include "base/bytes.h"
#include "base/err.h"

#define MAGNET_MAX_LEN 65536u /* bytes of the link */
#define MAGNET_MAX_LIST 200u  /* trackers, web seeds, peers: each */
#define MAGNET_MAX_URL 2048u
#define MAGNET_MAX_NAME 255u
#define MAGNET_MAX_RANGES 1000u
#define MAGNET_MAX_FILE 2000000u /* the largest file index that a link may name */

struct magnet_list {
    char **items;
    uint32_t count;
};

/* BEP 53: files by index, from 0, both ends included. */
struct magnet_range {
    uint32_t first, last;
};

struct magnet {
    uint8_t info_hash[20];
    char *name;                  /* fit to be shown; NULL = not given */
    struct magnet_list trackers; /* http, https, udp */
    struct magnet_list webseeds; /* http, https */
    struct magnet_list peers;    /* "host:port": a name, an IPv4, an IPv6 in brackets */
    struct magnet_range *files;  /* as they stand in the link; NULL = all files */
    uint32_t file_count;
};

/* Is this text meant as a link or an info hash rather than as a path or another URL? It
 * may still be refused. */
bool magnet_likely(const char *text, size_t len);
/* A link, or a bare info hash. 0; ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED (a v2 link, btmh
 * without btih) or ERR_NOMEM with a sentence, and then there is nothing to free. */
int magnet_parse(struct magnet *m, const char *text, size_t len, struct err *e) MUST_USE;
void magnet_free(struct magnet *m);
/* Writes the link. The fields are written as they are: who fills a magnet by hand may
 * lend it strings, and does not free it. */
void magnet_write(struct text *out, const struct magnet *m);

/* Does the link ask for this file? True for all when it names none. */
bool magnet_selects(const struct magnet *m, uint32_t file);

#endif
