#include "engine/stream_server.h"

#include <stdlib.h>
#include <string.h>

#include "engine/stream_file.h"
#include "engine/stream_media.h"

#define TOKEN_BYTES 16 /* of randomness: nobody guesses 128 bits */

/* ---- answers ------------------------------------------------------------------------- */

/* The address of a stream is its key: it goes to nobody else (Referer), and what was watched is
 * left in nobody's cache. */
void stream_head_init(struct stream_head *h, unsigned status) {
    *h = (struct stream_head){.answer = {.status = status, .fields = h->field}};
    stream_head_add(h, "Cache-Control", "no-store");
    stream_head_add(h, "Referrer-Policy", "no-referrer");
    stream_head_add(h, "X-Content-Type-Options", "nosniff");
    stream_head_add(h, "Cross-Origin-Resource-Policy", "same-origin");
}

void stream_head_add(struct stream_head *h, const char *name, const char *value) {
    if (h->answer.field_count < STREAM_FIELDS)
        h->field[h->answer.field_count++] = (struct http_field){name, value};
}

void stream_say(struct http_request *r, unsigned status, const char *words) {
    struct stream_head h;
    stream_head_init(&h, status);
    stream_head_add(&h, "Content-Type", "text/plain; charset=utf-8");
    http_answer_bytes(r, &h.answer, words, strlen(words));
}

void stream_send(struct http_request *r, const char *type, struct text *t) {
    struct stream_head h;
    if (t->failed) {
        stream_say(r, 500, "out of memory\n");
    } else {
        stream_head_init(&h, 200);
        stream_head_add(&h, "Content-Type", type);
        http_answer_bytes(r, &h.answer, t->data ? t->data : "", t->len);
    }
    text_free(t);
}

/* ---- the page ------------------------------------------------------------------------ */

/* It asks nobody but us for anything. */
#define PAGE_POLICY                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "   \
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; " \
    "frame-ancestors 'none'"

static void answer_asset(const struct stream_server *v, struct http_request *r,
                         const char *name) {
    struct stream_head h;
    for (size_t i = 0; i < v->asset_count; i++) {
        const struct stream_asset *a = &v->assets[i];
        if (strcmp(a->name, name) != 0)
            continue;
        stream_head_init(&h, 200);
        stream_head_add(&h, "Content-Type", a->type);
        stream_head_add(&h, "Content-Security-Policy", PAGE_POLICY);
        http_answer_bytes(r, &h.answer, a->data, a->len);
        return;
    }
    stream_say(r, 404, "there is no such page\n");
}

static void answer_bare(const struct stream_server *v, struct http_request *r) {
    struct stream_head h;
    char place[STREAM_TOKEN_MAX + 4] = "/";
    strcat(strcat(place, v->token), "/");
    stream_head_init(&h, 308);
    stream_head_add(&h, "Location", place);
    http_answer_bytes(r, &h.answer, "", 0);
}

/* ---- routing ------------------------------------------------------------------------- */

static void answer(struct stream_server *v, struct http_request *r) {
    struct stream_path p;
    stream_path_parse(&p, http_path(r), v->token);
    switch (p.place) {
    case STREAM_BARE: answer_bare(v, r); break;
    case STREAM_PAGE: answer_asset(v, r, ""); break;
    case STREAM_ASSET: answer_asset(v, r, p.name); break;
    case STREAM_STATUS: stream_answer_status(v, r); break;
    case STREAM_PLAYLIST: stream_answer_playlist(v, r, &p); break;
    case STREAM_FILE: stream_answer_file(v, r, &p); break;
    case STREAM_NOWHERE: stream_say(r, 404, "there is nothing at this address\n"); break;
    }
}

static void on_request(void *owner, struct http_request *r) {
    const char *host = http_header(r, "Host");
    if (http_header_count(r, "Host") > 1)
        stream_say(r, 400, "which host is it?\n");
    else if (host && stream_host_valid(host))
        answer(owner, r);
    else
        stream_say(r, 403, "ask by IP address or as localhost\n");
}

/* ---- life ---------------------------------------------------------------------------- */

static int choose_token(struct stream_server *v, const char *token, struct err *e) {
    uint8_t random[TOKEN_BYTES];
    if (token && !stream_token_valid(token))
        return err_set(e, ERR_INVALID, "a token is 1 to %d letters, digits, '-' and '_'",
                       STREAM_TOKEN_MAX);
    if (token) {
        strcpy(v->token, token);
    } else {
        if (rng_secret(random, sizeof random) < 0)
            return err_set(e, ERR_IO, "the system has no random numbers");
        hex_encode(v->token, random, sizeof random);
    }
    return 0;
}

static int copy_asset(struct stream_asset *to, const struct stream_asset *from) {
    void *data = malloc(from->len + 1);
    *to = (struct stream_asset){.name = strdup(from->name),
                                .type = strdup(from->type),
                                .data = data,
                                .len = from->len};
    if (!to->name || !to->type || !data)
        return ERR_NOMEM;
    memcpy(data, from->data, from->len);
    return 0;
}

static int copy_assets(struct stream_server *v, const struct stream_options *o) {
    v->assets = calloc(o->asset_count + 1, sizeof *v->assets);
    if (!v->assets)
        return ERR_NOMEM;
    for (; v->asset_count < o->asset_count; v->asset_count++)
        if (copy_asset(&v->assets[v->asset_count], &o->assets[v->asset_count]) < 0) {
            v->asset_count++; /* as much of it as there is */
            return ERR_NOMEM;
        }
    return 0;
}

static void server_free(struct stream_server *v) {
    for (size_t i = 0; i < v->asset_count; i++) {
        free((void *)(uintptr_t)v->assets[i].name);
        free((void *)(uintptr_t)v->assets[i].type);
        free((void *)(uintptr_t)v->assets[i].data);
    }
    free(v->assets);
    free(v);
}

static int listen_at(struct stream_server *v, const struct addr *at, struct err *e) {
    struct http_options o = {.at = *at, .connections = STREAM_CONNECTIONS};
    if (!o.at.family)
        o.at = (struct addr){.family = 4, .ip = {127, 0, 0, 1}, .port = at->port};
    v->http = http_open(v->session->loop, &o, on_request, v, e);
    if (!v->http)
        return e->code;
    v->at = o.at;
    v->at.port = http_port(v->http);
    return 0;
}

int stream_server_open(struct session *s, const struct stream_options *o, struct err *e) {
    if (s->http)
        return err_set(e, ERR_EXISTS, "the session serves already");
    struct stream_server *v = calloc(1, sizeof *v);
    if (!v)
        return err_set(e, ERR_NOMEM, "out of memory");
    v->session = s;
    list_init(&v->streams);
    int status = choose_token(v, o->token, e);
    if (!status && copy_assets(v, o) < 0)
        status = err_set(e, ERR_NOMEM, "out of memory");
    if (!status)
        status = listen_at(v, &o->at, e);
    if (status < 0)
        server_free(v);
    else
        v->number = ++s->http_number, s->http = v;
    return status;
}

void stream_server_close(struct session *s) {
    struct stream_server *v = s->http;
    if (!v)
        return;
    s->http = NULL;
    http_close(v->http);
    server_free(v);
}

/* A server on all addresses is reached by the local one as well. */
void stream_server_add_origin(struct text *t, const struct stream_server *v) {
    struct addr a = v->at;
    char text[ADDR_TEXT];
    if (addr_kind(&a) == ADDR_ANY) {
        memset(a.ip, 0, sizeof a.ip);
        if (a.family == 4)
            a.ip[0] = 127, a.ip[3] = 1;
        else
            a.ip[15] = 1;
    }
    text_addf(t, "http://%s", addr_format(&a, text));
}

static bool is_of(const struct feed *s, handle torrent, uint32_t file) {
    return (!torrent || s->torrent == torrent) &&
           (file == STREAM_NO_FILE || s->file == file);
}

uint32_t stream_server_drop(struct stream_server *v, handle torrent, uint32_t file,
                            usec age) {
    uint32_t n = 0;
    usec now = session_now(v->session);
    LIST_EACH(l, &v->streams) {
        struct feed *s = LIST_ITEM(l, struct feed, link);
        if (!is_of(s, torrent, file) || !stream_waits(s) ||
            now - s->reader->waiting_since < age)
            continue;
        http_abort(s->request);
        n++;
    }
    return n;
}
