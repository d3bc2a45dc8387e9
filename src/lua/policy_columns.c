#include "lua/policy_columns.h"

#include "codec/printable.h"
#include "swarm/picker.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BITS_MAX 4096u /* pieces: the sets of larger torrents are not written down */

enum column_kind {
    COLUMN_HANDLE, /* a count, not 0 */
    COLUMN_U64,
    COLUMN_U32,
    COLUMN_INT,
    COLUMN_BOOL, /* 0 or 1 */
    COLUMN_SPAN, /* usec */
    COLUMN_SHARE,
    COLUMN_ADDR,
    COLUMN_TEXT, /* const char *, or NULL */
    COLUMN_NAME, /* the same, never NULL */
    COLUMN_ID,   /* 20 bytes as hexadecimal digits */
    COLUMN_BITS, /* const struct bitset *, the same way */
    COLUMN_STATE /* of a piece, by its name */
};

struct column {
    const char *name;
    enum column_kind kind;
    size_t at;
};

/* ---- the tables -------------------------------------------------------------------------- */

#define PEER(kind, name) \
    { #name, COLUMN_##kind, offsetof(struct peer_row, name) }
static const struct column peer_columns[] = {
    PEER(HANDLE, peer),
    {"address", COLUMN_ADDR, offsetof(struct peer_row, addr)},
    PEER(U32, sources),
    PEER(NAME, client),
    PEER(ID, id),
    PEER(NAME, state),
    PEER(NAME, transport),
    PEER(TEXT, encryption),
    PEER(BOOL, incoming),
    PEER(BOOL, encrypted),
    PEER(BOOL, choked),
    PEER(BOOL, choking),
    PEER(BOOL, interested),
    PEER(BOOL, peer_interested),
    PEER(BOOL, optimistic),
    PEER(BOOL, upload_only),
    PEER(BOOL, is_seed),
    PEER(BOOL, snubbed),
    PEER(BITS, has),
    PEER(SHARE, progress),
    PEER(U64, download_rate),
    PEER(U64, upload_rate),
    PEER(U64, download_average),
    PEER(U64, upload_average),
    PEER(U64, downloaded),
    PEER(U64, uploaded),
    PEER(U64, received_round),
    PEER(U64, sent_round),
    PEER(U32, outstanding),
    PEER(U32, depth),
    PEER(U32, asked),
    PEER(SPAN, rtt),
    PEER(SPAN, connected_for),
    PEER(SPAN, unchoked_for),
    PEER(SPAN, waiting_for),
    PEER(SPAN, last_block),
    PEER(SPAN, last_upload),
    PEER(U32, blocks),
    PEER(U32, hash_fails),
    PEER(U32, duplicates),
    PEER(U32, unrequested),
};
#undef PEER

#define PIECE(kind, name) \
    { #name, COLUMN_##kind, offsetof(struct piece_row, name) }
static const struct column piece_columns[] = {
    PIECE(U32, index),    PIECE(U32, length),   PIECE(U64, offset),
    PIECE(ID, hash),      PIECE(STATE, state),  PIECE(U32, availability),
    PIECE(U32, received), PIECE(INT, priority), PIECE(SPAN, deadline),
};
#undef PIECE

#define CANDIDATE(kind, name) \
    { #name, COLUMN_##kind, offsetof(struct candidate_row, name) }
static const struct column candidate_columns[] = {
    {"address", COLUMN_ADDR, offsetof(struct candidate_row, addr)},
    CANDIDATE(U32, sources),
    CANDIDATE(BOOL, incoming),
    CANDIDATE(BOOL, upload_only),
    CANDIDATE(U32, failures),
    CANDIDATE(SPAN, last_tried),
    CANDIDATE(SPAN, last_seen),
    CANDIDATE(U32, priority),
};
#undef CANDIDATE

static const struct row_table {
    const char *name;
    size_t size;
    const struct column *column;
    int count;
} tables[] = {
    [ROW_PEER] = {"peer", sizeof(struct peer_row), peer_columns, COUNT_OF(peer_columns)},
    [ROW_PIECE] = {"piece", sizeof(struct piece_row), piece_columns,
                   COUNT_OF(piece_columns)},
    [ROW_CANDIDATE] = {"candidate", sizeof(struct candidate_row), candidate_columns,
                       COUNT_OF(candidate_columns)},
};

_Static_assert(COUNT_OF(tables) == ROW_KINDS, "every kind of row has its table");

enum row_kind row_kind_of(enum policy_question q) {
    if (q == POLICY_ADMIT || q == POLICY_CONNECT)
        return ROW_CANDIDATE;
    return q == POLICY_PIECE ? ROW_PIECE : ROW_PEER;
}

const char *row_kind_name(enum row_kind kind) {
    return tables[kind].name;
}

size_t row_size(enum row_kind kind) {
    return tables[kind].size;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Whatever the locale of the program around us writes between whole and parts. */
void columns_add_number(struct text *out, double n) {
    char digits[40];
    if (isinf(n)) {
        text_adds(out, n > 0 ? "1e999" : "-1e999");
        return;
    }
    snprintf(digits, sizeof digits, "%.17g", n);
    for (char *c = digits; *c; c++)
        if (!strchr("0123456789+-e", *c))
            *c = '.';
    text_adds(out, digits);
}

static void add_hex(struct text *out, const uint8_t *bytes, size_t len) {
    char digits[3];
    text_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        hex_encode(digits, bytes + i, 1);
        text_add(out, digits, 2);
    }
    text_addc(out, '"');
}

static void add_address(struct text *out, const struct addr *a) {
    char text[ADDR_TEXT];
    addr_format(a, text);
    text_add_json(out, text, strlen(text));
}

/* Clients name themselves. */
static void add_text(struct text *out, const char *s) {
    if (s)
        text_add_json(out, s, strlen(s));
    else
        text_adds(out, "null");
}

static void add_span(struct text *out, usec t) {
    if (t == USEC_NEVER)
        text_adds(out, "null");
    else
        text_addf(out, "%" PRId64, t);
}

static void add_bits(struct text *out, const struct bitset *b) {
    if (b && b->size && b->size <= BITS_MAX)
        add_hex(out, b->bytes, bitset_bytes(b->size));
    else
        text_adds(out, "null");
}

static void add_id(struct text *out, const uint8_t *id) {
    if (id)
        add_hex(out, id, 20);
    else
        text_adds(out, "null");
}

#define AS(type) (*(const type *)at)

static void add_cell(struct text *out, enum column_kind kind, const void *at) {
    switch (kind) {
    case COLUMN_HANDLE:
    case COLUMN_U64: text_addf(out, "%" PRIu64, AS(uint64_t)); break;
    case COLUMN_U32: text_addf(out, "%" PRIu32, AS(uint32_t)); break;
    case COLUMN_INT: text_addf(out, "%d", AS(int)); break;
    case COLUMN_BOOL: text_addc(out, AS(bool) ? '1' : '0'); break;
    case COLUMN_SPAN: add_span(out, AS(usec)); break;
    case COLUMN_SHARE: columns_add_number(out, AS(double)); break;
    case COLUMN_ADDR: add_address(out, at); break;
    case COLUMN_TEXT:
    case COLUMN_NAME: add_text(out, AS(char *)); break;
    case COLUMN_ID: add_id(out, AS(uint8_t *)); break;
    case COLUMN_BITS: add_bits(out, AS(struct bitset *)); break;
    case COLUMN_STATE: add_text(out, piece_state_name(AS(enum piece_state))); break;
    }
}

void columns_add_names(struct text *out, enum row_kind kind) {
    for (int i = 0; i < tables[kind].count; i++) {
        text_addc(out, i ? ',' : '[');
        add_text(out, tables[kind].column[i].name);
    }
    text_addc(out, ']');
}

void columns_add_row(struct text *out, enum row_kind kind, const void *row) {
    for (int i = 0; i < tables[kind].count; i++) {
        const struct column *c = &tables[kind].column[i];
        if (i)
            text_addc(out, ',');
        add_cell(out, c->kind, (const char *)row + c->at);
    }
}

/* ---- reading ----------------------------------------------------------------------------- */

static int complain(lua_State *L, const char *what, const char *wanted) {
    return luaL_error(L, "%s is not %s", what, wanted);
}

static double read_number(lua_State *L, int i, const char *what, double low,
                          double high) {
    lua_Number n = lua_type(L, i) == LUA_TNUMBER ? lua_tonumber(L, i) : NAN;
    if (!(n >= (lua_Number)low && n <= (lua_Number)high))
        complain(L, what, "a number within its range");
    return (double)n;
}

static int64_t read_whole(lua_State *L, int i, const char *what, double low,
                          double high) {
    double n = read_number(L, i, what, low, high);
    if (floor(n) != n)
        complain(L, what, "a whole number");
    return (int64_t)lua_tointeger(L, i);
}

#define BELOW_2_63 9223372036854774784.0

uint64_t columns_read_count(lua_State *L, int i, const char *what) {
    return (uint64_t)read_whole(L, i, what, 0, BELOW_2_63);
}

static const char *read_text(lua_State *L, int i, const char *what) {
    if (lua_type(L, i) != LUA_TSTRING)
        complain(L, what, "a text");
    return lua_tostring(L, i);
}

static void read_address(lua_State *L, int i, const char *what, struct addr *a) {
    if (addr_parse(a, read_text(L, i, what), -1) < 0)
        complain(L, what, "an address with its port");
}

/* Bytes of hexadecimal digits; they go where `keep` says. */
static uint8_t *read_hex(lua_State *L, int i, const char *what, int keep, size_t *len) {
    const char *digits = read_text(L, i, what);
    size_t n = lua_rawlen(L, i);
    *len = n / 2;
    uint8_t *bytes = compat_newuserdata(L, MAX(*len, (size_t)1));
    if (n % 2 || hex_decode(bytes, digits, *len) < 0)
        complain(L, what, "made of hexadecimal digits");
    lua_rawseti(L, keep, (int)lua_rawlen(L, keep) + 1);
    return bytes;
}

static const uint8_t *read_id(lua_State *L, int i, const char *what, int keep) {
    size_t len;
    const uint8_t *id = read_hex(L, i, what, keep, &len);
    if (len != 20)
        complain(L, what, "20 bytes long");
    return id;
}

static const struct bitset *read_bits(lua_State *L, int i, const char *what, int keep) {
    size_t len;
    uint8_t *bytes = read_hex(L, i, what, keep, &len);
    if (len > BITS_MAX / 8)
        complain(L, what, "short enough");
    struct bitset *b = compat_newuserdata(L, sizeof *b);
    *b = (struct bitset){.bytes = bytes, .size = (uint32_t)len * 8};
    lua_rawseti(L, keep, (int)lua_rawlen(L, keep) + 1);
    return b;
}

static enum piece_state read_state(lua_State *L, int i, const char *what) {
    const char *name = read_text(L, i, what);
    for (int s = PIECE_MISSING; s <= PIECE_HAVE; s++)
        if (strcmp(piece_state_name((enum piece_state)s), name) == 0)
            return (enum piece_state)s;
    return (enum piece_state)complain(L, what, "a state of pieces");
}

static bool read_flag(lua_State *L, int i, const char *what) {
    return read_whole(L, i, what, 0, 1) == 1;
}

#define SPAN_MAX 1e17 /* 3,000 years */

#undef AS
#define AS(type) (*(type *)at)

static void read_cell(lua_State *L, int i, const struct column *c, void *at, int keep) {
    const char *name = c->name;
    switch (c->kind) {
    case COLUMN_HANDLE:
        AS(uint64_t) = (uint64_t)read_whole(L, i, name, 1, BELOW_2_63);
        break;
    case COLUMN_U64: AS(uint64_t) = columns_read_count(L, i, name); break;
    case COLUMN_U32:
        AS(uint32_t) = (uint32_t)read_whole(L, i, name, 0, UINT32_MAX);
        break;
    case COLUMN_INT: AS(int) = (int)read_whole(L, i, name, INT32_MIN, INT32_MAX); break;
    case COLUMN_BOOL: AS(bool) = read_flag(L, i, name); break;
    case COLUMN_SPAN: AS(usec) = read_whole(L, i, name, -SPAN_MAX, SPAN_MAX); break;
    case COLUMN_SHARE: AS(double) = read_number(L, i, name, 0, 1); break;
    case COLUMN_ADDR: read_address(L, i, name, at); break;
    case COLUMN_TEXT:
    case COLUMN_NAME: AS(const char *) = read_text(L, i, name); break;
    case COLUMN_ID: AS(const uint8_t *) = read_id(L, i, name, keep); break;
    case COLUMN_BITS: AS(const struct bitset *) = read_bits(L, i, name, keep); break;
    case COLUMN_STATE: AS(enum piece_state) = read_state(L, i, name); break;
    }
}

/* As if nothing applied. */
static void clear_row(const struct row_table *t, void *row) {
    memset(row, 0, t->size);
    for (int i = 0; i < t->count; i++) {
        void *at = (char *)row + t->column[i].at;
        if (t->column[i].kind == COLUMN_SPAN)
            AS(usec) = USEC_NEVER;
        else if (t->column[i].kind == COLUMN_NAME)
            AS(const char *) = "";
    }
}

static int find(const struct row_table *t, const char *name) {
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->column[i].name, name) == 0)
            return i;
    return -1;
}

void columns_read_names(lua_State *L, enum row_kind kind, struct column_map *map) {
    const struct row_table *t = &tables[kind];
    size_t n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    if (!n || n > COLUMNS_MAX)
        luaL_error(L, "the columns of a %s are not named", t->name);
    map->count = (int)n;
    for (int i = 0; i < map->count; i++) {
        lua_rawgeti(L, -1, i + 1);
        map->ours[i] = (signed char)find(t, read_text(L, -1, "a column's name"));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* null stands for what does not apply: that is how the row was cleared. */
static bool is_null(lua_State *L, int i) {
    return lua_islightuserdata(L, i) && !lua_touserdata(L, i);
}

void columns_read_row(lua_State *L, enum row_kind kind, const struct column_map *map,
                      void *row, int keep) {
    const struct row_table *t = &tables[kind];
    int list = lua_gettop(L);
    clear_row(t, row);
    if (!lua_istable(L, list) || lua_rawlen(L, list) < (size_t)map->count)
        luaL_error(L, "a %s is not a list of its %d columns", t->name, map->count);
    for (int i = 0; i < map->count; i++) {
        lua_rawgeti(L, list, i + 1);
        const struct column *c = map->ours[i] < 0 ? NULL : &t->column[map->ours[i]];
        if (c && !is_null(L, -1))
            read_cell(L, lua_gettop(L), c, (char *)row + c->at, keep);
        lua_settop(L, list);
    }
}
