/* dht_file: see the header. */
#include "engine/dht_file.h"

#include <stdlib.h>

#include "engine/session.h"
#include "io/file.h"

#define NAME "dht.dat"
#define MAX_FILE 65536u /* we write less than 8,000 bytes */

/* NULL when there is no directory, or no memory. */
static char *path_of(const struct session *s) {
    struct text path;
    if (!s->settings.state)
        return NULL;
    text_init(&path);
    text_adds(&path, s->settings.state);
    text_adds(&path, "/" NAME);
    return text_take(&path, NULL);
}

void dht_file_load(const struct session *s, struct dht *d) {
    char *path = path_of(s);
    uint8_t *data = NULL;
    size_t len;
    if (path && file_read_whole(path, MAX_FILE, &data, &len, NULL) == 0 &&
        dht_load(d, data, len) == ERR_FORMAT)
        (void)file_remove(path);
    free(data);
    free(path);
}

/* ---- saving ------------------------------------------------------------------------------ */

struct saving {
    struct job job;
    struct session *session;
    char *path, *data;
    size_t len;
    int status;
    struct err err;
};

static void saving_free(struct saving *g) {
    if (g) {
        free(g->path);
        free(g->data);
    }
    free(g);
}

static char *make_text(const struct session *s, const struct dht *d, size_t *len) {
    struct text text;
    text_init(&text);
    dht_save(d, &text, session_now(s));
    return text_take(&text, len);
}

static bool knows_anybody(const struct session *s, const struct dht *d) {
    struct dht_stats st;
    dht_stats(d, &st, session_now(s));
    return st.ip4.nodes || st.ip6.nodes;
}

/* NULL when there is nothing to be written, or nowhere, or no memory. */
static struct saving *saving_new(const struct session *s, const struct dht *d) {
    if (!s->settings.state || !knows_anybody(s, d))
        return NULL;
    struct saving *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->path = path_of(s);
    g->data = make_text(s, d, &g->len);
    if (g->path && g->data)
        return g;
    saving_free(g);
    return NULL;
}

static void run(struct job *job) {
    struct saving *g = CONTAINER_OF(job, struct saving, job);
    g->status = file_write_atomic(g->path, g->data, g->len, &g->err);
}

void dht_file_save(const struct session *s, const struct dht *d) {
    struct saving *g = saving_new(s, d);
    if (g)
        run(&g->job);
    saving_free(g);
}

static void on_saved(struct job *job, int status) {
    struct saving *g = CONTAINER_OF(job, struct saving, job);
    if (status == 0 && g->status < 0)
        session_event(g->session, EVENT_ERROR, NULL, NULL, 0, g->status,
                      "the nodes of the DHT are not saved: %s", g->err.text);
    saving_free(g);
}

void dht_file_save_later(struct session *s, const struct dht *d) {
    struct saving *g = saving_new(s, d);
    if (!g)
        return;
    g->session = s;
    g->job.run = run, g->job.done = on_saved;
    if (jobs_submit(s->loop, &g->job) < 0)
        saving_free(g);
}
