/* portmap_upnp: UPnP IGD by miniupnpc. A router is found by multicast (SSDP) and asked by SOAP over
 * HTTP; one that was found is kept until it fails. Whatever blocks in here blocks for seconds. */
#include "io/portmap_private.h"

#ifdef MARE_HAVE_UPNP

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#define SEARCH_MSEC 1500
#define TTL 2
#define PORT_TRIES 4u
#define ERROR_CONFLICT 718       /* the port is somebody else's */
#define ERROR_ONLY_PERMANENT 725 /* this one knows no leases */

struct portmap_upnp {
    struct UPNPUrls urls;
    struct IGDdatas data;
    char ours[64]; /* our address in this network */
};

/* ---- finding it ------------------------------------------------------------------------- */

void upnp_forget(struct portmap_task *t) {
    if (t->upnp)
        FreeUPNPUrls(&t->upnp->urls);
    free(t->upnp);
    t->upnp = NULL;
}

/* One kind at a time: a search that finds nothing takes its whole time. Version 2 answers for
 * version 1, too. */
static struct UPNPDev *search(struct portmap_task *t) {
    static const char *const kinds[] = {
        "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
        "urn:schemas-upnp-org:service:WANIPConnection:1",
        "urn:schemas-upnp-org:service:WANPPPConnection:1"};
    char text[ADDR_TEXT];
    const char *via = *t->device               ? t->device
                      : t->options.bind.family ? addr_format_ip(&t->options.bind, text)
                                               : NULL;
    struct UPNPDev *found = NULL;
    for (size_t i = 0; i < COUNT_OF(kinds) && !found && !portmap_ending(t); i++) {
        int error = 0;
        found = upnpDiscoverDevice(kinds[i], SEARCH_MSEC, via, NULL, UPNP_LOCAL_PORT_ANY,
                                   0, TTL, &error);
    }
    return found;
}

/* 1 connected, 2 not connected (to what it takes for the Internet): good enough, both. */
static bool pick(struct UPNPDev *found, struct portmap_upnp *u) {
#if MINIUPNPC_API_VERSION >= 18
    char outside[64];
    int kind = UPNP_GetValidIGD(found, &u->urls, &u->data, u->ours, sizeof u->ours,
                                outside, sizeof outside);
    bool good = kind >= 1 && kind <= 3;
#else
    int kind = UPNP_GetValidIGD(found, &u->urls, &u->data, u->ours, sizeof u->ours);
    bool good = kind == 1 || kind == 2;
#endif
    if (kind > 0 && !good)
        FreeUPNPUrls(&u->urls);
    return good;
}

static int find(struct portmap_task *t, struct err *e) {
    struct UPNPDev *found = search(t);
    if (!found)
        return err_set(e, ERR_TIMEOUT, "no router answers by NAT-PMP or UPnP");
    struct portmap_upnp *u = portmap_ending(t) ? NULL : calloc(1, sizeof *u);
    bool good = u && pick(found, u);
    freeUPNPDevlist(found);
    if (good) {
        t->upnp = u;
        return 0;
    }
    free(u);
    return err_set(e, ERR_TIMEOUT, "a router answers by UPnP, but maps no ports");
}

/* ---- asking it -------------------------------------------------------------------------- */

static const char *protocol(const struct portmap_mapping *m) {
    return m->udp ? "UDP" : "TCP";
}

static int add(struct portmap_task *t, const struct portmap_mapping *m, uint32_t outside,
               uint32_t lease) {
    const struct portmap_upnp *u = t->upnp;
    char theirs[12], ours[12], seconds[12];
    snprintf(theirs, sizeof theirs, "%u", outside);
    snprintf(ours, sizeof ours, "%u", m->inside);
    snprintf(seconds, sizeof seconds, "%u", lease);
    return UPNP_AddPortMapping(u->urls.controlURL, u->data.first.servicetype, theirs,
                               ours, u->ours, "mare", protocol(m), NULL, seconds);
}

/* The port itself, or one behind it. */
static int map_one(struct portmap_task *t, struct portmap_mapping *m) {
    uint32_t wish = m->outside ? m->outside : m->inside, lease = t->options.lease;
    int rc = ERROR_CONFLICT;
    m->outside = 0;
    for (uint32_t i = 0; i < PORT_TRIES && rc == ERROR_CONFLICT; i++) {
        uint32_t port = wish + i <= 65535 ? wish + i : 1024 + i;
        rc = add(t, m, port, lease);
        if (rc == ERROR_ONLY_PERMANENT)
            rc = add(t, m, port, 0);
        if (rc == UPNPCOMMAND_SUCCESS)
            m->outside = (uint16_t)port;
    }
    return rc;
}

static void ask_address(struct portmap_task *t) {
    char text[64] = "";
    const struct portmap_upnp *u = t->upnp;
    t->external = (struct addr){0};
    if (UPNP_GetExternalIPAddress(u->urls.controlURL, u->data.first.servicetype, text) !=
            0 ||
        addr_parse(&t->external, text, 1) < 0)
        return;
    t->external.port = 0;
    if (addr_kind(&t->external) == ADDR_ANY)
        t->external = (struct addr){0};
}

static int map_all(struct portmap_task *t) {
    int rc = 0;
    portmap_note_promise(t);
    for (int i = 0; i < 2 && rc == 0; i++)
        if (t->mapping[i].inside)
            rc = map_one(t, &t->mapping[i]);
    return rc;
}

int upnp_map(struct portmap_task *t, struct err *e) {
    int status = t->upnp ? 0 : find(t, e);
    if (status < 0 || portmap_ending(t))
        return status < 0 ? status : ERR_CANCELED;
    int rc = map_all(t);
    t->lease = t->options.lease;
    if (rc == 0) {
        ask_address(t);
        return 0;
    }
    upnp_unmap(t);
    upnp_forget(t);
    const char *words = strupnperror(rc);
    return err_set(e, ERR_REFUSED, "the router refuses a port by UPnP (%.80s)",
                   words ? words : "no reason given");
}

void upnp_unmap(struct portmap_task *t) {
    const struct portmap_upnp *u = t->upnp;
    char port[12];
    for (int i = 0; u && i < 2; i++) {
        struct portmap_mapping *m = &t->mapping[i];
        snprintf(port, sizeof port, "%u", m->outside);
        if (m->outside)
            (void)UPNP_DeletePortMapping(u->urls.controlURL, u->data.first.servicetype,
                                         port, protocol(m), NULL);
        m->outside = 0;
    }
}

#else

void upnp_forget(struct portmap_task *t) {
    (void)t;
}

#endif
