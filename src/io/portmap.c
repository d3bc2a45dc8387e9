/* portmap: the worker and its line to the loop. See the header. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/device.h"
#include "io/loop_private.h"
#include "io/portmap_private.h"

#define RETRY 600u /* seconds until a router that did not answer is asked again */

static const struct portmap_method {
    const char *name;
    int (*map)(struct portmap_task *t, struct err *e);
    void (*unmap)(struct portmap_task *t);
} methods[] = {
#ifdef MARE_HAVE_NATPMP
    {"NAT-PMP", natpmp_map, natpmp_unmap},
#endif
#ifdef MARE_HAVE_UPNP
    {"UPnP", upnp_map, upnp_unmap},
#endif
    {NULL, NULL, NULL},
};

/* Counted: the worker may outlive the loop. */
struct portmap_shared {
    uv_mutex_t lock;
    uv_cond_t wake;
    unsigned holders;
    bool ending, ended; /* the owner wants it; the worker has */
    bool promised;      /* the router may have mapped something */
    bool has_news;
    struct portmap_result result;
    uv_async_t *async; /* NULL when nobody listens any more */
    struct portmap_task task;
};

struct portmap {
    struct portmap_shared *shared;
    struct loop *loop;
    uv_async_t async;
    uv_thread_t thread;
    portmap_told *told; /* NULL after portmap_end */
    void *owner;
};

/* ---- what both sides share -------------------------------------------------------------- */

static struct portmap_shared *shared_new(void) {
    struct portmap_shared *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (uv_mutex_init(&s->lock)) {
        free(s);
        return NULL;
    }
    if (uv_cond_init(&s->wake)) {
        uv_mutex_destroy(&s->lock);
        free(s);
        return NULL;
    }
    s->holders = 1;
    return s;
}

static void shared_drop(struct portmap_shared *s) {
    uv_mutex_lock(&s->lock);
    bool last = --s->holders == 0;
    uv_mutex_unlock(&s->lock);
    if (!last)
        return;
    uv_cond_destroy(&s->wake);
    uv_mutex_destroy(&s->lock);
    free(s);
}

bool portmap_ending(const struct portmap_task *t) {
    uv_mutex_lock(&t->shared->lock);
    bool ending = t->shared->ending;
    uv_mutex_unlock(&t->shared->lock);
    return ending;
}

static void set_promised(struct portmap_shared *s, bool promised) {
    uv_mutex_lock(&s->lock);
    s->promised = promised;
    uv_mutex_unlock(&s->lock);
}

void portmap_note_promise(const struct portmap_task *t) {
    set_promised(t->shared, true);
}

/* ---- the worker ------------------------------------------------------------------------- */

static void describe(const struct portmap_task *t, const char *method,
                     struct portmap_result *r) {
    char text[ADDR_TEXT] = "an address that it does not tell";
    if (t->external.family)
        addr_format_ip(&t->external, text);
    r->tcp = t->mapping[0].outside, r->udp = t->mapping[1].outside;
    r->external = t->external;
    snprintf(r->text, sizeof r->text, "%s: port %u of %s leads to us", method,
             r->tcp ? r->tcp : r->udp, text);
}

static void complain(struct portmap_result *r, const struct err *why) {
    r->code = why->code;
    snprintf(
        r->text, sizeof r->text,
        "%.150s: only peers that we dial can be reached, unless the port is forwarded "
        "by hand",
        why->text);
}

/* The one that worked before is asked first; then all. */
static const struct portmap_method *map_with_any(struct portmap_task *t,
                                                 const struct portmap_method *last,
                                                 struct err *e) {
    if (last && last->map(t, e) == 0)
        return last;
    for (const struct portmap_method *m = methods; m->name; m++)
        if (m != last && !portmap_ending(t) && m->map(t, e) == 0)
            return m;
    t->mapping[0].outside = t->mapping[1].outside = 0;
    return NULL;
}

static void publish(struct portmap_shared *s, const struct portmap_result *r) {
    uv_mutex_lock(&s->lock);
    if (memcmp(&s->result, r, sizeof *r) != 0) {
        s->result = *r;
        s->has_news = true;
        if (s->async)
            uv_async_send(s->async);
    }
    uv_mutex_unlock(&s->lock);
}

/* False when it is time to end. */
static bool rest(struct portmap_shared *s, uint32_t seconds) {
    uint64_t until = uv_hrtime() + seconds * (uint64_t)1000000000, now;
    uv_mutex_lock(&s->lock);
    while (!s->ending && (now = uv_hrtime()) < until)
        uv_cond_timedwait(&s->wake, &s->lock, until - now);
    bool goes_on = !s->ending;
    uv_mutex_unlock(&s->lock);
    return goes_on;
}

static const struct portmap_method *serve(struct portmap_task *t) {
    const struct portmap_method *method = NULL;
    struct portmap_result r;
    do {
        struct err why = {0};
        memset(&r, 0, sizeof r); /* they are compared as bytes */
        method = map_with_any(t, method, &why);
        if (method)
            describe(t, method->name, &r);
        else
            complain(&r, &why);
        if (!portmap_ending(t))
            publish(t->shared, &r);
    } while (rest(t->shared, method ? MAX(t->lease / 2, 1u) : RETRY));
    return method;
}

static void work(void *arg) {
    struct portmap_shared *s = arg;
    const struct portmap_method *method = serve(&s->task);
    if (method)
        method->unmap(&s->task);
    upnp_forget(&s->task);
    uv_mutex_lock(&s->lock);
    s->promised = false;
    s->ended = true;
    if (s->async)
        uv_async_send(s->async);
    uv_mutex_unlock(&s->lock);
    shared_drop(s);
}

/* ---- the loop's side -------------------------------------------------------------------- */

const char *portmap_methods(void) {
#if defined MARE_HAVE_NATPMP && defined MARE_HAVE_UPNP
    return "NAT-PMP and UPnP";
#else
    return methods[0].name;
#endif
}

int portmap_supported(struct err *e) {
    if (portmap_methods())
        return 0;
    return err_set(
        e, ERR_UNSUPPORTED,
        "this mare was built without libnatpmp and miniupnpc: it cannot ask the "
        "router for a port");
}

static void on_async(uv_async_t *async) {
    struct portmap *p = async->data;
    struct portmap_result r;
    loop_wake(p->loop);
    uv_mutex_lock(&p->shared->lock);
    bool news = p->shared->has_news;
    p->shared->has_news = false;
    r = p->shared->result;
    uv_mutex_unlock(&p->shared->lock);
    if (news && p->told)
        p->told(p->owner, &r);
}

static void fill_task(struct portmap_shared *s, struct loop *l,
                      const struct portmap_options *o) {
    struct portmap_task *t = &s->task;
    t->shared = s;
    t->options = *o;
    t->options.lease = o->lease ? o->lease : PORTMAP_LEASE;
    t->mapping[0] = (struct portmap_mapping){false, o->tcp, 0};
    t->mapping[1] = (struct portmap_mapping){true, o->udp, 0};
    snprintf(t->device, sizeof t->device, "%s", device_name(l));
}

static int start_thread(struct portmap *p) {
    sigset_t before;
    p->shared->holders++;
    loop_mask_signals(&before);
    int rc = uv_thread_create(&p->thread, work, p->shared);
    loop_restore_signals(&before);
    if (rc)
        p->shared->holders--;
    return rc;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void close_line(struct portmap *p) {
    uv_close((uv_handle_t *)&p->async, on_closed);
    loop_touch(p->loop);
}

struct portmap *portmap_start(struct loop *l, const struct portmap_options *o,
                              portmap_told *told, void *owner, struct err *e) {
    struct portmap *p = portmap_supported(e) < 0 ? NULL : calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loop = l, p->told = told, p->owner = owner;
    p->async.data = p;
    p->shared = shared_new();
    if (!p->shared || uv_async_init(&l->uv, &p->async, on_async)) {
        if (p->shared)
            shared_drop(p->shared);
        free(p);
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    loop_touch(l);
    fill_task(p->shared, l, o);
    p->shared->async = &p->async;
    if (start_thread(p) == 0)
        return p;
    shared_drop(p->shared);
    close_line(p);
    err_set(e, ERR_NOMEM, "no thread for talking to the router");
    return NULL;
}

void portmap_end(struct portmap *p) {
    p->told = NULL;
    uv_mutex_lock(&p->shared->lock);
    p->shared->ending = true;
    uv_cond_signal(&p->shared->wake);
    uv_mutex_unlock(&p->shared->lock);
}

bool portmap_busy(const struct portmap *p) {
    uv_mutex_lock(&p->shared->lock);
    bool busy = p->shared->promised && !p->shared->ended;
    uv_mutex_unlock(&p->shared->lock);
    return busy;
}

static void leave_behind(struct portmap *p) {
    loop_stay_loaded();
    (void)pthread_detach(p->thread);
}

void portmap_free(struct portmap *p) {
    if (!p)
        return;
    portmap_end(p);
    uv_mutex_lock(&p->shared->lock);
    bool ended = p->shared->ended;
    p->shared->async = NULL;
    uv_mutex_unlock(&p->shared->lock);
    if (ended)
        uv_thread_join(&p->thread);
    else
        leave_behind(p);
    shared_drop(p->shared);
    close_line(p);
}
