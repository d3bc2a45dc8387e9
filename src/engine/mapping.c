/* mapping: see the header. */
#include "engine/mapping.h"

#include "io/device.h"
#include "io/portmap.h"

/* Who goes through a proxy does not want to be reached beside it. */
static bool is_reachable(const struct session *s) {
    return s->port && s->listener4 && session_direct(s) &&
           addr_kind(&s->settings.bind) != ADDR_LOOPBACK && !device_is_loopback(s->loop);
}

static void on_told(void *owner, const struct portmap_result *r) {
    struct session *s = owner;
    s->external_port = r->tcp;
    s->external_addr = r->external;
    session_event(s, EVENT_PORTMAP, NULL, NULL, r->tcp, r->code, "%s", r->text);
}

void mapping_begin(struct session *s) {
    struct portmap_options o = {s->port, datagrams_port(s->datagrams, 4),
                                s->settings.portmap_lease, s->settings.bind};
    struct err e = {0};
    if (!s->settings.portmap || !is_reachable(s))
        return;
    s->portmap = portmap_start(s->loop, &o, on_told, s, &e);
    if (!s->portmap)
        session_event(s, EVENT_PORTMAP, NULL, NULL, 0, e.code, "%s", e.text);
}

void mapping_end(struct session *s) {
    if (s->portmap)
        portmap_end(s->portmap);
}

bool mapping_busy(const struct session *s) {
    return s->portmap && portmap_busy(s->portmap);
}

void mapping_leave(struct session *s) {
    portmap_free(s->portmap);
    s->portmap = NULL;
}

uint16_t mapping_public_port(const struct session *s) {
    return s->external_port ? s->external_port : s->port;
}
