/* fake_tracker: an HTTP server on 127.0.0.1 that answers by script and remembers what it was
 * asked. It runs on a thread of its own, as a real one runs in another process. */
#ifndef MARE_FAKE_TRACKER_H
#define MARE_FAKE_TRACKER_H

#include <stdint.h>

struct fake_tracker;

struct fake_tracker *fake_tracker_open(void);
struct fake_tracker *fake_tracker_open_both(void); /* on ::1, too: "localhost" */
void fake_tracker_close(struct fake_tracker *f);
uint16_t fake_tracker_port(const struct fake_tracker *f);
/* Adds a reply to the script of a path; the last one is repeated. "200 d8:...e" is a status and a
 * body, "gzip" a fixed compressed reply (one peer, 127.1.1.1:6881), "hang" no answer at all. */
void fake_tracker_says(struct fake_tracker *f, const char *path, const char *reply);
/* What came so far: "/path?query", and when (microseconds). */
unsigned fake_tracker_count(struct fake_tracker *f);
const char *fake_tracker_request(struct fake_tracker *f, unsigned i);
int fake_tracker_family(struct fake_tracker *f, unsigned i); /* 4 or 6 */
int64_t fake_tracker_time(struct fake_tracker *f, unsigned i);

#endif
