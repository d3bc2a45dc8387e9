/* access: see the header. */
#include "engine/access.h"

#include <stdlib.h>
#include <string.h>

#include "codec/blocklist.h"
#include "engine/peer.h"
#include "io/file.h"
#include "io/jobs.h"

bool access_allows(const struct session *s, const struct addr *a) {
    uint8_t family = s->settings.bind.family;
    if (family && a->family != family)
        return false;
    return !s->blocklist || !blocklist_has(s->blocklist, a);
}

uint32_t access_ranges(const struct session *s) {
    return s->blocklist ? blocklist_count(s->blocklist) : 0;
}

static void list_free(struct blocklist *b) {
    if (b)
        blocklist_fini(b);
    free(b);
}

void access_fini(struct session *s) {
    list_free(s->blocklist);
    s->blocklist = NULL;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A file that is no list at all would let everybody in. */
static int check_list(const struct blocklist *b, const char *path, struct err *e) {
    if (blocklist_count(b) > 0 || b->complaint_count == 0)
        return 0;
    return err_set(e, ERR_FORMAT,
                   "%.150s: no line of it is a range of addresses (line %u: %s)", path,
                   b->complaints[0].line, b->complaints[0].what);
}

/* NULL with *e. Sees nothing but its arguments: a worker calls it, too. */
static struct blocklist *read_list(const char *path, struct err *e) {
    struct err why = {0};
    uint8_t *data = NULL;
    size_t len;
    struct blocklist *b = malloc(sizeof *b);
    if (!b) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    blocklist_init(b);
    int status = file_read_whole(path, ACCESS_MAX_FILE, &data, &len, &why);
    if (status == 0) {
        status = blocklist_add_text(b, data, len, &why);
        if (status < 0)
            status = err_set(&why, status, "%.150s: %.100s", path, why.text);
        else
            status = check_list(b, path, &why);
    }
    free(data);
    if (status == 0)
        return b;
    list_free(b);
    err_set(e, status, "%s", why.text);
    return NULL;
}

static void take(struct session *s, struct blocklist *b) {
    access_fini(s);
    s->blocklist = b;
}

int access_read(struct session *s, const char *path, struct err *e) {
    struct err why = {0};
    struct blocklist *b = read_list(path, &why);
    if (!b)
        return err_set(e, why.code, "%s", why.text);
    take(s, b);
    return 0;
}

/* ---- reading anew ----------------------------------------------------------------------- */

struct reload {
    struct job job;
    struct session *session;
    char *path;
    struct blocklist *list;
    struct err err;
};

static void on_run(struct job *j) {
    struct reload *r = CONTAINER_OF(j, struct reload, job);
    r->list = read_list(r->path, &r->err);
}

/* Once a list, not once a step. */
static void drop_refused(struct session *s) {
    uint32_t at = 0;
    for (struct peer *p; (p = slots_each(&s->peers, &at));)
        if (!access_allows(s, &p->addr))
            peer_close(p, ERR_UNSAFE, "its address is on the blocklist");
}

static void tell(struct session *s, const struct reload *r) {
    const struct blocklist *b = r->list;
    uint32_t n = b ? b->complaint_count : 0;
    if (!b)
        session_event(s, EVENT_BLOCKLIST, NULL, NULL, 0, r->err.code, "%s", r->err.text);
    else if (n == 0)
        session_event(s, EVENT_BLOCKLIST, NULL, NULL, blocklist_count(b), 0, NULL);
    else
        session_event(s, EVENT_BLOCKLIST, NULL, NULL, blocklist_count(b), 0,
                      "%s: %u lines make no sense, the first is line %u: %s", r->path, n,
                      b->complaints[0].line, b->complaints[0].what);
}

static void on_done(struct job *j, int status) {
    struct reload *r = CONTAINER_OF(j, struct reload, job);
    struct session *s = r->session;
    if (status < 0 || s->closed) {
        list_free(r->list);
    } else {
        tell(s, r);
        if (r->list)
            take(s, r->list);
        drop_refused(s);
    }
    free(r->path);
    free(r);
}

int access_reload(struct session *s, const char *path, struct err *e) {
    struct reload *r = calloc(1, sizeof *r);
    if (r && (r->path = strdup(path))) {
        r->session = s;
        r->job.run = on_run, r->job.done = on_done;
        if (jobs_submit(s->loop, &r->job) == 0)
            return 0;
        free(r->path);
    }
    free(r);
    return err_set(e, ERR_NOMEM, "out of memory");
}
