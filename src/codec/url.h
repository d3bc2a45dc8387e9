/* url: addresses of trackers and web seeds, as people and their programs write them. */
#ifndef MARE_URL_H
#define MARE_URL_H

#include "base/bytes.h"

/* "http", "https", "udp" or NULL for what we refuse; checks that there is a host. */
const char *tracker_scheme(const char *url);
/* May it be a tracker's, or with `web` a web seed's (which has no UDP)? */
bool url_usable(const char *url, bool web);
/* Copies it with blanks and the letters of other alphabets encoded, as they are on the wire. */
void text_add_url(struct text *out, struct span url);

#endif
