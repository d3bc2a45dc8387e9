/* dht_file: what the DHT remembers from one run to the next, as `dht.dat` in the state directory.
 * Without one nothing is kept. A file that is missing, or makes no sense and is removed, is no
 * loss: we begin as somebody new. While no node is known the old file stays: it knows more. */
#ifndef MARE_DHT_FILE_H
#define MARE_DHT_FILE_H

#include "proto/dht.h"

struct session;

void dht_file_load(const struct session *s, struct dht *d);
/* At once: at the end. */
void dht_file_save(const struct session *s, const struct dht *d);
/* By a worker; a failure becomes EVENT_ERROR. */
void dht_file_save_later(struct session *s, const struct dht *d);

#endif
