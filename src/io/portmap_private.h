/* portmap_private: between the worker (portmap.c) and the two ways to ask a router. All of this runs
 * on the worker. */
#ifndef MARE_PORTMAP_PRIVATE_H
#define MARE_PORTMAP_PRIVATE_H

#include "io/portmap.h"

struct portmap_shared;

struct portmap_mapping {
    bool udp;
    uint16_t inside, outside; /* ours; the router's, 0 = not mapped */
};

struct portmap_task {
    struct portmap_shared *shared;
    struct portmap_options options;
    char device[16];
    struct portmap_mapping mapping[2]; /* TCP, UDP */
    struct addr external;
    uint32_t lease;            /* granted, in seconds */
    struct portmap_upnp *upnp; /* the router that was found, or NULL */
};

/* The owner wants us to end: long waits look at it. */
bool portmap_ending(const struct portmap_task *t);
/* From here on there may be something to be taken back. */
void portmap_note_promise(const struct portmap_task *t);

/* Maps, or renews, all ports: 0 when TCP (or the one that there is) is mapped. `unmap` takes back
 * what `outside` says. */
int natpmp_map(struct portmap_task *t, struct err *e);
void natpmp_unmap(struct portmap_task *t);
int upnp_map(struct portmap_task *t, struct err *e);
void upnp_unmap(struct portmap_task *t);
void upnp_forget(struct portmap_task *t);

#endif
