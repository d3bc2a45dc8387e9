#include "lua/record.h"

#include "engine/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct record {
    struct text text;
    usec began;
    uint64_t lost; /* rounds, since the last that had its place */
};

static void add_header(struct text *out) {
    text_addf(out, "{\"mare_record\":%d,\"version\":\"" MARE_VERSION "\"",
              RECORD_VERSION);
    for (int kind = 0; kind < ROW_KINDS; kind++) {
        text_addf(out, ",\"%s\":", row_kind_name((enum row_kind)kind));
        columns_add_names(out, (enum row_kind)kind);
    }
    text_adds(out, "}\n");
}

struct record *record_new(usec now) {
    struct record *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    text_init(&r->text);
    r->began = now;
    add_header(&r->text);
    if (!r->text.failed)
        return r;
    record_free(r);
    return NULL;
}

void record_free(struct record *r) {
    if (r)
        text_free(&r->text);
    free(r);
}

/* ---- a round ----------------------------------------------------------------------------- */

static const char *json_bool(bool b) {
    return b ? "true" : "false";
}

static void add_self(struct text *out, const struct policy_self *self) {
    text_addf(out, ",\"self\":{\"done\":%s,\"progress\":", json_bool(self->done));
    columns_add_number(out, self->progress);
    text_addf(out,
              ",\"downloaded\":%" PRIu64 ",\"uploaded\":%" PRIu64
              ",\"connected\":%" PRIu32 "}",
              self->downloaded, self->uploaded, self->connected);
}

static void add_lore(struct text *out, const struct policy_lore *lore, uint32_t piece) {
    handle holder[RECORD_HOLDERS];
    uint32_t first = 0, files = 0, n = 0;
    if (lore && lore->files)
        files = lore->files(lore->owner, piece, &first);
    if (lore && lore->holders)
        n = lore->holders(lore->owner, piece, holder, RECORD_HOLDERS);
    text_addf(out, ",[%" PRIu32 ",%" PRIu32 "],[", first, files);
    for (uint32_t i = 0; i < n; i++)
        text_addf(out, "%s%" PRIu64, i ? "," : "", holder[i]);
    text_addc(out, ']');
}

static const void *row_at(const struct policy_ask *ask, enum row_kind kind, uint32_t i) {
    switch (kind) {
    case ROW_PEER: return &ask->peers[i];
    case ROW_PIECE: return &ask->pieces[i];
    default: return &ask->candidates[i];
    }
}

static void add_row(struct text *out, const struct policy_ask *ask, enum row_kind kind,
                    uint32_t i) {
    text_addc(out, '[');
    columns_add_row(out, kind, row_at(ask, kind, i));
    if (kind == ROW_PIECE)
        add_lore(out, ask->lore, ask->pieces[i].index);
    text_addc(out, ']');
}

static void add_for(struct text *out, const struct policy_ask *ask) {
    if (ask->question != POLICY_PIECE && ask->question != POLICY_SOURCE)
        return;
    text_adds(out, ",\"for\":");
    add_row(out, ask, ask->question == POLICY_PIECE ? ROW_PEER : ROW_PIECE, 0);
}

static void add_verdict(struct text *out, const struct verdict *v) {
    switch (v->kind) {
    case VERDICT_OWN: text_adds(out, "null"); break;
    case VERDICT_NEVER: text_adds(out, "false"); break;
    case VERDICT_SCORED: columns_add_number(out, v->score); break;
    }
}

static void add_rows(struct text *out, const struct policy_ask *ask, bool answered) {
    static const struct verdict own = {VERDICT_OWN, 0};
    uint32_t n = MIN(ask->n, RECORD_ROWS);
    for (uint32_t i = 0; i < n; i++) {
        text_adds(out, i ? "," : ",\"rows\":[");
        add_row(out, ask, row_kind_of(ask->question), i);
    }
    for (uint32_t i = 0; i < n; i++) {
        text_adds(out, i ? "," : "],\"said\":[");
        add_verdict(out, answered ? &ask->verdicts[i] : &own);
    }
    text_addc(out, ']');
}

static void add_round(struct text *out, const struct policy_ask *ask, const char *by,
                      const struct record_terms *terms) {
    text_addf(out, ",\"ask\":\"%s\",\"torrent\":%" PRIu64 ",\"by\":\"%s\"",
              policy_name(ask->question), ask->torrent, by);
    if (terms->terms.slots == UINT32_MAX)
        text_adds(out, ",\"slots\":null");
    else
        text_addf(out, ",\"slots\":%" PRIu32, terms->terms.slots);
    text_addf(out, ",\"piece_length\":%" PRIu32, terms->terms.piece_length);
    if (terms->self)
        add_self(out, terms->self);
    add_for(out, ask);
    add_rows(out, ask, strcmp(by, "policy") == 0);
    text_adds(out, "}\n");
}

/* ---- the buffer -------------------------------------------------------------------------- */

static void add_lost(struct record *r) {
    if (r->lost)
        text_addf(&r->text, "{\"lost\":%" PRIu64 "}\n", r->lost);
    if (!r->text.failed)
        r->lost = 0;
}

/* A line that did not come in whole is taken back. */
static void cut(struct record *r, size_t len) {
    if (r->text.data)
        r->text.data[len] = '\0';
    r->text.len = len;
    r->text.failed = false;
    r->lost++;
}

void record_round(struct record *r, const struct policy_ask *ask, const char *by,
                  const struct record_terms *terms, usec now) {
    size_t before = r->text.len;
    uint64_t lost = r->lost;
    if (!ask->n)
        return;
    add_lost(r);
    text_addf(&r->text, "{\"at\":%" PRId64, now - r->began);
    add_round(&r->text, ask, by, terms);
    if (!r->text.failed && r->text.len <= RECORD_BUFFER)
        return;
    r->lost = lost;
    cut(r, before);
}

void record_push(lua_State *L, struct record *r) {
    add_lost(r);
    lua_pushlstring(L, r->text.data ? r->text.data : "", r->text.len);
    if (r->text.cap > RECORD_BUFFER / 8)
        text_free(&r->text); /* one large round is no reason to keep so much */
    else
        text_clear(&r->text);
}
