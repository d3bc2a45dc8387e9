/* page: what lies at a web address, for who has a session: a .torrent by its URL. */
#ifndef MARE_PAGE_H
#define MARE_PAGE_H

#include "base/err.h"

struct session;

#define PAGE_MAX (32u << 20)

/* Fetches it; EVENT_READ (without a torrent) with `token` follows. 0, or a code with a sentence. */
int page_fetch(struct session *s, const char *url, uint64_t token, struct err *e);
void pages_cancel(struct session *s); /* no events follow any more */

#endif
