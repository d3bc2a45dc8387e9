#include "engine/stream_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/media.h"
#include "engine/stream_media.h"

/* A job that outlives its feed if the client goes first. */
struct lending {
    struct storage_lend lend;
    struct feed *stream; /* NULL: gone */
};

/* ---- the head of an answer ----------------------------------------------------------- */

/* What does not change as long as the torrent is what it is: the info-hash names every byte. */
struct labels {
    char tag[2 * SHA1_LEN + 16];
    char date[HTTP_DATE];
};

static void make_labels(struct labels *l, const struct torrent *t, uint32_t file) {
    char hex[2 * SHA1_LEN + 1];
    hex_encode(hex, t->info_hash, SHA1_LEN);
    snprintf(l->tag, sizeof l->tag, "\"%s-%" PRIu32 "\"", hex, file);
    /* No later than now, as far as we know: a torrent may claim any date. */
    bool plausible = t->meta->creation_date > 0 && t->meta->creation_date < t->added_at;
    http_date(l->date, plausible ? t->meta->creation_date : t->added_at);
}

struct file_head {
    struct stream_head head;
    struct labels labels;
    char range[72];
};

static void head_init(struct file_head *h, const struct torrent *t, uint32_t file,
                      unsigned status) {
    stream_head_init(&h->head, status);
    make_labels(&h->labels, t, file);
    stream_head_add(&h->head, "Accept-Ranges", "bytes");
    stream_head_add(&h->head, "ETag", h->labels.tag);
    stream_head_add(&h->head, "Last-Modified", h->labels.date);
}

static void add_content(struct file_head *h, const struct torrent *t,
                        const struct feed *s) {
    const struct metainfo_file *f = &t->meta->files[s->file];
    stream_head_add(&h->head, "Content-Type", media_type(f->path));
    stream_head_add(&h->head, "Content-Security-Policy", "sandbox; default-src 'none'");
    if (s->partial) {
        snprintf(h->range, sizeof h->range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                 s->range.first, s->range.first + s->range.length - 1, f->length);
        stream_head_add(&h->head, "Content-Range", h->range);
    }
}

/* 304 or 412: what is here, and nothing of it. */
static void answer_condition(struct http_request *r, const struct torrent *t,
                             uint32_t file, unsigned status) {
    struct file_head h;
    head_init(&h, t, file, status);
    http_answer_bytes(r, &h.head.answer, "", 0);
}

static void answer_beyond(struct http_request *r, const struct torrent *t,
                          uint32_t file) {
    struct file_head h;
    head_init(&h, t, file, 416);
    snprintf(h.range, sizeof h.range, "bytes */%" PRIu64, t->meta->files[file].length);
    stream_head_add(&h.head, "Content-Range", h.range);
    http_answer_bytes(r, &h.head.answer, "", 0);
}

/* ---- the end of a stream ------------------------------------------------------------- */

static void on_ended(void *owner) {
    struct feed *s = owner;
    s->ending = true;
    if (s->lending)
        s->lending->stream = NULL;
    if (s->reader)
        reader_close(s->reader);
    view_drop(&s->view);
    list_remove(&s->link);
    free(s);
}

/* ---- by a reader --------------------------------------------------------------------- */

/* The torrent was removed, or its disk fails: then somebody should know. */
static void on_no_bytes(struct feed *s, int status, const struct err *e) {
    struct torrent *t = session_torrent(s->server->session, s->torrent);
    if (t && e)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, status, "%s", e->text);
    http_abort(s->request);
}

static void on_bytes(void *ctx, int status, struct view *v, const struct err *e) {
    struct feed *s = ctx;
    if (status == 1) {
        s->view = *v;
        http_wake(s->request);
    } else if (!s->ending) {
        on_no_bytes(s, status, e);
    }
}

static int next_view(struct feed *s) {
    size_t most = (size_t)MIN(s->left, HTTP_BLOCK);
    int status = reader_try(s->reader, most, &s->view);
    if (status == ERR_AGAIN)
        status = reader_read(s->reader, most, on_bytes, s);
    else if (status == 1)
        return 1;
    return status < 0 && status != ERR_BUSY ? status : ERR_AGAIN;
}

/* Copied, so that a client that stands still for hours holds a block of its own and no piece. */
static int on_read(void *owner, uint8_t *to, size_t len) {
    struct feed *s = owner;
    int status = s->view.len ? 1 : next_view(s);
    if (status < 0)
        return status;
    size_t n = MIN(len, s->view.len);
    memcpy(to, s->view.data, n);
    s->view.data += n;
    s->view.len -= n;
    s->left -= n;
    if (!s->view.len)
        view_drop(&s->view);
    return (int)n;
}

/* By somebody else, while it was being sent. */
static void on_cut(void *owner) {
    struct feed *s = owner;
    struct torrent *t = session_torrent(s->server->session, s->torrent);
    if (t)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_EOF,
                      "%.160s has become shorter: check the torrent again",
                      t->meta->files[s->file].path);
}

static const struct http_hooks hooks = {on_read, on_ended, on_cut};

static void send_head(struct feed *s, const struct torrent *t, struct file_head *h) {
    head_init(h, t, s->file, s->partial ? 206 : 200);
    add_content(h, t, s);
}

static void answer_stream(struct feed *s, const struct torrent *t) {
    struct file_head h;
    send_head(s, t, &h);
    http_answer_stream(s->request, &h.head.answer, s->range.length);
}

/* FNV-1a: what tells viewers apart need not be secret, only the same each time. */
static uint64_t mix(uint64_t h, const void *data, size_t len) {
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3;
    return h;
}

static uint64_t viewer(const struct feed *s) {
    const char *program = http_header(s->request, "User-Agent");
    struct addr a = http_client(s->request);
    a.port = 0;
    uint64_t h = mix(0xcbf29ce484222325 ^ s->file, &a, sizeof a);
    h = program ? mix(h, program, strlen(program)) : h;
    return h ? h : 1;
}

static bool open_reader(struct feed *s, struct torrent *t) {
    const struct reader_options o = {
        .position = s->range.first, .group = viewer(s), .prefetch = true};
    struct err e = {0};
    s->reader = reader_open(t, s->file, &o, &e);
    return s->reader != NULL;
}

static void read_it(struct feed *s, struct torrent *t) {
    if (s->reader || open_reader(s, t))
        answer_stream(s, t);
    else
        http_abort(s->request);
}

/* ---- by sendfile --------------------------------------------------------------------- */

static void send_it(struct feed *s, const struct torrent *t, struct storage_lend *lend) {
    struct file_head h;
    int fd = lend->fd;
    send_head(s, t, &h);
    lend->fd = -1;
    http_answer_file(s->request, &h.head.answer, fd, s->range.first, s->range.length);
}

static void on_lent(struct storage_op *op) {
    struct lending *l = CONTAINER_OF(op, struct lending, lend.op);
    struct feed *s = l->stream;
    struct torrent *t = s ? session_torrent(s->server->session, s->torrent) : NULL;
    if (s)
        s->lending = NULL;
    if (t && op->status == 0)
        send_it(s, t, &l->lend);
    else if (t)
        read_it(s, t);
    else if (s)
        http_abort(s->request);
    storage_give_back(&l->lend);
    free(l);
}

static bool borrow(struct feed *s, struct torrent *t) {
    struct lending *l = calloc(1, sizeof *l);
    if (!l)
        return false;
    l->stream = s;
    l->lend.file = s->file;
    l->lend.offset = s->range.first;
    l->lend.length = s->range.length;
    l->lend.op.done = on_lent;
    if (storage_lend(t->storage, &l->lend) < 0) {
        free(l);
        return false;
    }
    s->lending = l;
    return true;
}

/* The reader knows what is where; where all is on disk nothing has to be wished for. */
static void give(struct feed *s, struct torrent *t) {
    if (!open_reader(s, t)) {
        http_abort(s->request);
        return;
    }
    if (reader_on_disk(s->reader, s->range.length) >= s->range.length) {
        reader_close(s->reader);
        s->reader = NULL;
        if (borrow(s, t))
            return;
    }
    read_it(s, t);
}

/* ---- the question -------------------------------------------------------------------- */

/* What the request's conditions say: 412 it wants another file, 304 it has this one; or 0. */
static unsigned judge_conditions(struct http_request *r, const struct labels *l) {
    const char *wanted = http_header(r, "If-Match");
    const char *known = http_header(r, "If-None-Match");
    const char *since = http_header(r, "If-Modified-Since");
    if (wanted && !http_tag_matches(wanted, l->tag))
        return 412;
    if (known ? http_tag_matches(known, l->tag) : since && strcmp(since, l->date) == 0)
        return 304;
    return 0;
}

/* A range is asked for by GET alone (RFC 9110, 14.2), and If-Range may take it back. */
static enum http_range_answer choose_range(struct http_request *r, const struct labels *l,
                                           uint64_t length, struct http_range *out) {
    const char *text = http_is_head(r) ? NULL : http_header(r, "Range");
    if (!http_if_range(http_header(r, "If-Range"), l->tag, l->date))
        text = NULL;
    return http_range_parse(text, length, out);
}

static struct feed *stream_new(struct stream_server *v, struct http_request *r,
                               const struct torrent *t, uint32_t file) {
    struct feed *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->server = v;
    s->request = r;
    s->torrent = t->id;
    s->file = file;
    list_append(&v->streams, &s->link);
    http_own(r, &hooks, s);
    return s;
}

static void answer_bytes(struct stream_server *v, struct http_request *r,
                         struct torrent *t, uint32_t file, const struct http_range *range,
                         bool partial) {
    struct feed *s = stream_new(v, r, t, file);
    if (!s) {
        http_abort(r);
        return;
    }
    s->range = *range;
    s->left = range->length;
    s->partial = partial;
    if (http_is_head(r) || !range->length)
        answer_stream(s, t);
    else
        give(s, t);
}

static void answer_file(struct stream_server *v, struct http_request *r,
                        struct torrent *t, uint32_t file) {
    struct labels labels;
    struct http_range range;
    make_labels(&labels, t, file);
    unsigned status = judge_conditions(r, &labels);
    if (status) {
        answer_condition(r, t, file, status);
        return;
    }
    enum http_range_answer how =
        choose_range(r, &labels, t->meta->files[file].length, &range);
    if (how == RANGE_BEYOND)
        answer_beyond(r, t, file);
    else
        answer_bytes(v, r, t, file, &range, how == RANGE_PART);
}

void stream_answer_file(struct stream_server *v, struct http_request *r,
                        const struct stream_path *p) {
    struct torrent *t = session_find(v->session, p->info_hash);
    uint32_t file =
        t && t->meta ? stream_file_of_number(t->meta, p->index) : STREAM_NO_FILE;
    if (t && !t->meta)
        stream_say(r, 503, "the torrent's metadata is not known yet: try again\n");
    else if (file == STREAM_NO_FILE)
        stream_say(r, 404, "there is no such torrent or file here\n");
    else
        answer_file(v, r, t, file);
}
