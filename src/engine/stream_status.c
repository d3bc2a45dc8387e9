/* stream_status: status.json, what the page and players' scripts are told. The shape is described
 * in lua/mare/meta/http.lua (mare.Status).
 *
 * Numbers are whole or fixed, never printed by the host's locale. What depends on the torrent is
 * bounded: at most FILES_MOST files are listed, and MAP_CELLS cells of the piece map. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/media.h"
#include "engine/metadata.h"
#include "engine/reader.h"
#include "engine/stream_media.h"
#include "engine/stream_server.h"

#define FILES_MOST 2000u
#define MAP_CELLS 65536u

/* ---- writing objects: every member ends with a comma, the last one's is taken back ------ */

static void add_count(struct text *t, const char *name, uint64_t n) {
    text_addf(t, "\"%s\":%" PRIu64 ",", name, n);
}

static void add_bool(struct text *t, const char *name, bool is) {
    text_addf(t, "\"%s\":%s,", name, is ? "true" : "false");
}

static void add_string(struct text *t, const char *name, const char *value) {
    text_addf(t, "\"%s\":", name);
    if (value)
        text_add_json(t, value, strlen(value));
    else
        text_adds(t, "null");
    text_addc(t, ',');
}

/* Thousandths, rounded down: 1 is said of what is whole. */
static void add_thousandths(struct text *t, const char *name, uint64_t n) {
    text_addf(t, "\"%s\":%" PRIu64 ".%03u,", name, n / 1000, (unsigned)(n % 1000));
}

static void add_share(struct text *t, const char *name, uint64_t part, uint64_t whole) {
    double share = whole ? (double)part / (double)whole : 1;
    add_thousandths(t, name, part == whole ? 1000 : (uint64_t)(share * 999.999));
}

static void add_seconds(struct text *t, const char *name, usec time) {
    add_thousandths(t, name, time > 0 ? (uint64_t)(time / USEC_PER_MSEC) : 0);
}

/* A script says it: anything may come. */
static void add_said(struct text *t, const char *name, double x) {
    if (x >= 0 && x < 1e12)
        add_thousandths(t, name, (uint64_t)(x * 1000));
}

static void open_list(struct text *t, const char *name, char bracket) {
    text_addf(t, "\"%s\":%c", name, bracket);
}

static void take_comma(struct text *t) {
    if (t->len && t->data[t->len - 1] == ',')
        t->data[--t->len] = '\0';
}

static void end_with(struct text *t, char bracket) {
    take_comma(t);
    text_addc(t, bracket);
    text_addc(t, ',');
}

/* ---- the piece map ------------------------------------------------------------------- */

static char look_of(const struct picker *p, uint32_t piece) {
    static const char looks[] = {'.', '-', '~', '~', '#'};
    return looks[picker_state(p, piece)];
}

/* Several pieces as one: whole, on its way, in part, missing. */
static char look_of_cell(const struct picker *p, uint32_t from, uint32_t end) {
    char first = look_of(p, from);
    bool mixed = false;
    for (uint32_t i = from + 1; i < end; i++) {
        char look = look_of(p, i);
        if (look == '-' || look == '~')
            return look;
        mixed |= look != first;
    }
    return mixed ? '+' : first;
}

static void add_run(struct text *t, uint32_t length, char look) {
    if (length > 1)
        text_addf(t, "%" PRIu32 "%c", length, look);
    else if (length)
        text_addc(t, look);
}

static void add_map(struct text *t, const struct torrent *of) {
    const struct picker *p = &of->picker;
    uint32_t pieces = of->meta->pieces, run = 0;
    uint32_t per_cell = (pieces + MAP_CELLS - 1) / MAP_CELLS;
    char last = 0;
    open_list(t, "map", '{');
    add_count(t, "pieces", pieces);
    add_count(t, "pieces_per_cell", per_cell);
    text_adds(t, "\"runs\":\"");
    for (uint32_t i = 0; i < pieces; i += per_cell, run++) {
        char look = look_of_cell(p, i, MIN(i + per_cell, pieces));
        if (look != last) {
            add_run(t, run, last);
            run = 0;
            last = look;
        }
    }
    add_run(t, run, last);
    text_addc(t, '"');
    end_with(t, '}');
}

/* ---- files --------------------------------------------------------------------------- */

/* Relative to status.json, so that it is right by whatever name the server is reached. */
static void add_file_url(struct text *t, const struct torrent *of, uint32_t number,
                         const char *path) {
    struct text url;
    text_init(&url);
    stream_path_add_file(&url, "", of->info_hash, number, path);
    add_string(t, "url", url.data && !url.failed ? url.data + 2 : NULL);
    t->failed |= url.failed;
    text_free(&url);
}

static void add_file(struct text *t, const struct torrent *of, uint32_t file,
                     uint32_t number) {
    const struct metainfo_file *f = &of->meta->files[file];
    uint64_t have = torrent_file_have(of, file);
    uint32_t first, end;
    metainfo_file_pieces(of->meta, file, &first, &end);
    text_addc(t, '{');
    add_count(t, "index", number);
    add_string(t, "path", f->path);
    add_count(t, "length", f->length);
    add_count(t, "have", have);
    add_share(t, "progress", have, f->length);
    add_count(t, "first_piece", first);
    add_count(t, "piece_count", end - first);
    add_count(t, "priority", of->file_priority[file]);
    add_string(t, "kind", media_kind_name(media_kind(f->path)));
    add_string(t, "type", media_type(f->path));
    add_file_url(t, of, number, f->path);
    end_with(t, '}');
}

static void add_files(struct text *t, const struct torrent *of) {
    const struct metainfo *m = of->meta;
    uint32_t number = 0;
    open_list(t, "files", '[');
    for (uint32_t i = 0; i < m->file_count && number < FILES_MOST; i++)
        if (file_is_visible(&m->files[i]))
            add_file(t, of, i, ++number);
    end_with(t, ']');
}

/* ---- readers ------------------------------------------------------------------------- */

static void add_health(struct text *t, const struct reader *r, usec now) {
    const struct reader_health *h = &r->health;
    if (!h->at || now - h->at > READER_HEALTH_AGE)
        return;
    open_list(t, "health", '{');
    add_said(t, "cached_seconds", h->cached_seconds);
    add_said(t, "playhead", h->playhead);
    add_said(t, "bitrate", h->bitrate);
    add_bool(t, "paused_for_cache", h->paused_for_cache);
    end_with(t, '}');
}

static void add_reader(struct text *t, const struct torrent *of, const struct reader *r,
                       usec now) {
    uint32_t first, end;
    window_pieces(&r->window, &first, &end);
    text_addc(t, '{');
    add_count(t, "number", r->number);
    add_count(t, "file", stream_number_of_file(of->meta, r->file));
    add_count(t, "position", reader_position(r));
    add_count(t, "window", window_bytes(&r->window));
    add_count(t, "first_piece", first);
    add_count(t, "piece_count", end - first);
    add_count(t, "bytes_read", r->bytes_read);
    add_count(t, "stalls", r->stalls);
    add_seconds(t, "waiting", r->waiting_since ? now - r->waiting_since : 0);
    add_bool(t, "superseded", r->superseded);
    add_health(t, r, now);
    end_with(t, '}');
}

static void add_readers(struct text *t, const struct torrent *of, usec now) {
    open_list(t, "readers", '[');
    LIST_EACH(l, &of->readers.list) {
        add_reader(t, of, LIST_ITEM(l, struct reader, link), now);
    }
    end_with(t, ']');
}

/* ---- torrents ------------------------------------------------------------------------ */

static void add_contents(struct text *t, const struct torrent *of, bool files, usec now) {
    char playlist[2 * SHA1_LEN + 8];
    uint64_t wanted = torrent_bytes_wanted(of), left = torrent_bytes_left(of);
    uint32_t main = stream_media_main(of->meta);
    hex_encode(playlist, of->info_hash, SHA1_LEN);
    add_count(t, "size", of->meta->size);
    add_count(t, "piece_length", of->meta->piece_length);
    add_count(t, "have", torrent_bytes_have(of));
    add_count(t, "wanted", wanted);
    add_count(t, "left", left);
    add_share(t, "progress", wanted - left, wanted);
    add_count(t, "file_count", stream_number_of_file(of->meta, of->meta->file_count) - 1);
    add_string(t, "playlist", strcat(playlist, ".m3u"));
    if (main != STREAM_NO_FILE)
        add_count(t, "main_file", stream_number_of_file(of->meta, main));
    add_map(t, of);
    if (files)
        add_files(t, of);
    add_readers(t, of, now);
}

static void add_rates(struct text *t, const struct torrent *of, usec now) {
    add_count(t, "download_rate", meter_rate(&of->down_meter, now));
    add_count(t, "upload_rate", meter_rate(&of->up_meter, now));
    add_count(t, "downloaded", of->downloaded);
    add_count(t, "uploaded", of->uploaded);
    add_count(t, "peers", of->ready_count);
    add_count(t, "seeds", torrent_seeds_connected(of));
    add_count(t, "connecting", of->peer_count - of->ready_count);
    add_count(t, "known_peers", of->roster.count);
}

static void add_metadata(struct text *t, const struct torrent *of) {
    uint32_t pieces, here = metadata_progress(of, &pieces);
    if (pieces)
        add_share(t, "metadata_progress", here, pieces);
}

static void add_torrent(struct text *t, const struct torrent *of, bool files, usec now) {
    char hex[2 * SHA1_LEN + 1];
    hex_encode(hex, of->info_hash, SHA1_LEN);
    text_addc(t, '{');
    add_string(t, "info_hash", hex);
    add_string(t, "name", torrent_name(of));
    add_string(t, "state", torrent_state_name(of->state));
    add_bool(t, "paused", of->paused);
    add_string(t, "error", *of->disk_err.text ? of->disk_err.text : NULL);
    if (of->state == TORRENT_CHECKING)
        add_share(t, "check_progress", of->checked, of->to_check.count);
    add_rates(t, of, now);
    if (of->meta)
        add_contents(t, of, files, now);
    else
        add_metadata(t, of);
    end_with(t, '}');
}

static void add_session(struct text *t, const struct stream_server *v, usec now) {
    const struct session *s = v->session;
    add_count(t, "version", 1);
    add_string(t, "engine", "mare " MARE_VERSION);
    add_count(t, "port", s->port);
    add_count(t, "download_rate", meter_rate(&s->down_meter, now));
    add_count(t, "upload_rate", meter_rate(&s->up_meter, now));
    add_count(t, "connections", s->connections);
    add_count(t, "memory", s->budget.limit);
    add_count(t, "memory_used", s->budget.used);
    add_count(t, "http_connections", http_connections(v->http));
}

/* ?hash=HASH: that torrent alone. ?files=0: without the lists of files. */
void stream_answer_status(struct stream_server *v, struct http_request *r) {
    const char *hash = http_argument(r, "hash"), *files = http_argument(r, "files");
    uint8_t only[SHA1_LEN];
    bool all = !hash, with_files = !files || strcmp(files, "0") != 0;
    usec now = session_now(v->session);
    struct text t;
    if (hash && (strlen(hash) != 2 * SHA1_LEN || hex_decode(only, hash, SHA1_LEN) < 0)) {
        stream_say(r, 400, "hash has 40 hexadecimal digits\n");
        return;
    }
    text_init(&t);
    text_addc(&t, '{');
    add_session(&t, v, now);
    open_list(&t, "torrents", '[');
    LIST_EACH(l, &v->session->torrent_list) {
        const struct torrent *of = LIST_ITEM(l, struct torrent, in_session);
        if (all || memcmp(of->info_hash, only, SHA1_LEN) == 0)
            add_torrent(&t, of, with_files, now);
    }
    end_with(&t, ']');
    end_with(&t, '}');
    take_comma(&t);
    stream_send(r, "application/json", &t);
}
