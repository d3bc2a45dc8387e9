/* events: what happened, in order, for whoever drives the session to pick up after a step.
 *
 * C never calls a handler: it queues, Lua dispatches. The queue is bounded; when a script does
 * not drain it, further events are dropped and one `overflow` tells how many. */
#ifndef MARE_EVENTS_H
#define MARE_EVENTS_H

#include "base/addr.h"
#include "base/shared.h"
#include "base/slots.h"

#define EVENTS_MAX 8192

enum event_type {
    EVENT_STATE,    /* torrent: its state changed; text = new state's name */
    EVENT_METADATA, /* torrent: the info dictionary is known (at once for .torrent files) */
    EVENT_CHECKED, /* torrent: the check of existing data ended; index = pieces found */
    EVENT_PIECE,   /* torrent: piece `index` verified and written */
    EVENT_FILE,    /* torrent: file `index` is complete */
    EVENT_DONE,    /* torrent: everything wanted is here */
    EVENT_PEER,    /* peer: handshake done */
    EVENT_PEER_CLOSED, /* peer: gone; code, text = why; data = struct peer_facts */
    EVENT_TRACKER, /* torrent: an announce ended; code, text = url + ": " + what; index = peers */
    EVENT_PEERS, /* torrent: a finder named `index` new addresses; text = which, as source_name */
    EVENT_SCRAPE, /* torrent: a scrape ended; code, text as TRACKER; data = scrape_counts or NULL */
    EVENT_HASH_FAILED, /* torrent: piece `index` failed its hash */
    EVENT_BANNED,      /* torrent: an address was barred; text = address and why */
    /* An answer to who gave `token`: code, data or view (owned by the event). The bytes of a read,
       index = READ_*; the addresses of dht_node_get_peers. */
    EVENT_READ,
    EVENT_MOVED,     /* torrent: torrent_move ended; code, text */
    EVENT_REMOVED,   /* torrent: gone (data deleted if asked); code, text */
    EVENT_SAVED,     /* torrent: resume state is on disk */
    EVENT_BLOCKLIST, /* a blocklist was read: index = ranges, text = what made no sense, or
                        NULL; or code, text */
    EVENT_PORTMAP, /* the router was asked: index = port outside; code, text = one sentence */
    EVENT_ERROR,    /* torrent or session (handle 0): code, text = one sentence */
    EVENT_OVERFLOW, /* index = events that were dropped */
    EVENT_COUNT
};
const char *event_name(enum event_type t); /* "piece", "peer_closed", ... */

struct event {
    enum event_type type;
    handle torrent, peer; /* 0 = none */
    uint32_t index;
    int code; /* 0 or ERR_* */
    uint64_t token;
    char *text;    /* malloc'ed or NULL */
    uint8_t *data; /* malloc'ed or NULL */
    size_t len;
    struct view view; /* of shared bytes, or of nothing */
};

/* What a read's answer is to become: a string, a view, or nothing, for the file has ended. */
enum { READ_STRING, READ_VIEW, READ_END };

/* What is known of a connection at its end: the peer itself is freed before anybody reads it. */
struct peer_facts {
    struct addr addr;
    char client[64];
    bool incoming;
    uint64_t downloaded, uploaded; /* payload from it, to it */
    usec connected_for;
};

struct events {
    struct event *ring;
    uint32_t cap, head, count, dropped;
    uint32_t limit;
};

void events_init(struct events *q);
void events_fini(struct events *q);
/* Takes ev->text, ev->data and ev->view over, also when the event is dropped. */
void events_push(struct events *q, struct event *ev);
bool events_pop(struct events *q,
                struct event *out); /* the caller frees with event_fini */
void event_fini(struct event *ev);

#endif
