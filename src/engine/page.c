/* page: see the header. */
#include "engine/page.h"

#include <stdlib.h>
#include <string.h>

#include "engine/session.h"

struct page {
    struct link link; /* in session->pages */
    struct session *session;
    struct fetch *fetch;
    uint64_t token;
};

static int judge(const struct fetch_result *r, struct err *e) {
    if (r->status < 0)
        return err_set(e, r->status, "%s", r->why);
    if (r->http_status >= 400)
        return err_set(e, ERR_NOTFOUND, "the server answers %d", r->http_status);
    return 0;
}

static void on_done(void *owner, const struct fetch_result *r) {
    struct page *p = owner;
    struct err e = {0};
    struct event ev = {.type = EVENT_READ, .token = p->token, .code = judge(r, &e)};
    if (ev.code == 0 && !(ev.data = malloc(MAX(r->len, (size_t)1))))
        ev.code = err_set(&e, ERR_NOMEM, "out of memory");
    if (ev.code == 0) {
        memcpy(ev.data, r->body, r->len);
        ev.len = r->len;
    } else {
        ev.text = strdup(e.text);
    }
    events_push(&p->session->events, &ev);
    list_remove(&p->link);
    free(p);
}

int page_fetch(struct session *s, const char *url, uint64_t token, struct err *e) {
    const struct settings *settings = &s->settings;
    const struct fetch_options o = {
        .url = url,
        .max_bytes = PAGE_MAX,
        .user_agent = settings->user_agent,
        .bind = settings->bind.family ? &settings->bind : NULL,
        .ca_file = settings->ca_file,
    };
    struct page *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ERR_NOMEM, "out of memory");
    p->session = s, p->token = token;
    p->fetch = fetch_start(s->fetcher, &o, on_done, p, e);
    if (!p->fetch) {
        free(p);
        return e->code;
    }
    list_append(&s->pages, &p->link);
    return 0;
}

void pages_cancel(struct session *s) {
    struct link *link;
    while ((link = list_shift(&s->pages))) {
        struct page *p = LIST_ITEM(link, struct page, link);
        fetch_cancel(p->fetch);
        free(p);
    }
}
