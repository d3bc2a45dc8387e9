/* krpc: the messages between DHT nodes (BEP 5; IPv6 of BEP 32, scrape of BEP 33, `ip` of BEP 42,
 * read-only nodes of BEP 43), one bencoded dictionary in one datagram.
 *
 * A message and its inverse in one file: krpc_parse fills a struct with views into the packet,
 * krpc_write makes a packet of the same struct. */
#ifndef MARE_KRPC_H
#define MARE_KRPC_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"

#define KRPC_ID 20 /* bytes of a node id, of an info hash, of a target */
#define KRPC_MAX_PACKET \
    4096u                  /* nothing longer is read: an honest answer has up to 1,500 */
#define KRPC_MAX_TID 32u   /* a transaction id is echoed, so it is bounded */
#define KRPC_MAX_TOKEN 64u /* and a token is kept */
#define KRPC_NODE4 26u     /* a compact contact: id, address, port */
#define KRPC_NODE6 38u
#define KRPC_BLOOM 256u /* BEP 33: bytes of a filter */

enum krpc_type { KRPC_QUERY, KRPC_REPLY, KRPC_ERROR };

enum krpc_method {
    KRPC_PING,
    KRPC_FIND_NODE,
    KRPC_GET_PEERS,
    KRPC_ANNOUNCE_PEER,
    KRPC_OTHER /* a name that we do not know */
};
const char *krpc_method_name(
    enum krpc_method method); /* "ping" ...; "?" for KRPC_OTHER */

enum { KRPC_WANT4 = 1, KRPC_WANT6 = 2 }; /* BEP 32: which contacts the asker would like */

enum { /* codes of an error message */
       KRPC_GENERIC = 201,
       KRPC_SERVER = 202,
       KRPC_PROTOCOL = 203,
       KRPC_NO_METHOD = 204
};

/* How another node is reached: an id and an address. */
struct krpc_node {
    uint8_t id[KRPC_ID];
    struct addr addr;
};

/* One message. A pointer that is NULL, a span of length 0, a number 0: not there. */
struct krpc {
    enum krpc_type type;
    struct span tid;     /* chosen by the asker, echoed in the answer */
    struct span version; /* `v` */
    const uint8_t *id;   /* the sender's; NULL in errors */
    struct addr ip;      /* the receiver's address as the sender sees it (BEP 42) */

    /* a query */
    enum krpc_method method;
    bool read_only;        /* BEP 43: the asker answers no queries */
    const uint8_t *target; /* FIND_NODE: an id; GET_PEERS, ANNOUNCE_PEER: the info hash */
    unsigned want;         /* KRPC_WANT4 | KRPC_WANT6 */
    bool noseed, scrape;   /* GET_PEERS, BEP 33 */
    bool seed;             /* ANNOUNCE_PEER, BEP 33 */
    bool implied_port;     /* ANNOUNCE_PEER: the port is that of the datagram */
    uint16_t port;         /* ANNOUNCE_PEER */

    struct span token; /* ANNOUNCE_PEER, and the reply to GET_PEERS */

    /* a reply */
    struct span nodes, nodes6; /* compact contacts: krpc_next_node */
    struct span
        values; /* peers, as bencoded strings one after another: krpc_next_value */
    struct span seeds, peers; /* BEP 33: two filters of KRPC_BLOOM bytes */

    /* an error */
    int64_t code;
    struct span message;
};

/* 0; ERR_FORMAT for what is no message and ERR_LIMIT for one too long; ERR_NOMEM; ERR_PROTOCOL
 * for a query with impossible arguments, which deserves an error as its answer (type, tid and
 * method are set). What is wrong in an optional field costs that field only. */
int krpc_parse(struct krpc *m, const uint8_t *data, size_t len) MUST_USE;

/* Writes the message into out; its length, or ERR_LIMIT when it does not fit in `room`. */
int krpc_write(uint8_t *out, size_t room, const struct krpc *m) MUST_USE;

/* Takes the first contact of this family off `rest`; false when there is no whole one. The
 * address is as it came: port 0 and worse are the caller's to refuse. */
bool krpc_next_node(struct span *rest, int family, struct krpc_node *out);
/* Takes the first peer off `rest`, stepping over strings that are none. */
bool krpc_next_value(struct span *rest, struct addr *out);
/* Their inverse; they return the length: KRPC_NODE4 or KRPC_NODE6; 8 or 21. */
size_t krpc_put_node(uint8_t out[KRPC_NODE6], const struct krpc_node *n);
size_t krpc_put_value(uint8_t out[21], const struct addr *peer);

#endif
