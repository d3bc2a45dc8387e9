/* ut_pex: see the header. The two families have fields of their own on the wire and are
 * one list here, so each field is read and written by the same row of one table. */
#include "codec/ut_pex.h"

#include "codec/bencode.h"

static const struct field {
    const char *addresses, *flags;
    bool dropped;
    uint8_t family;
} fields[] = {
    /* sorted, as bencode wants them */
    {"added", "added.f", false, 4},
    {"added6", "added6.f", false, 6},
    {"dropped", NULL, true, 4},
    {"dropped6", NULL, true, 6},
};

/* -- decoding ------------------------------------------------------------------------ */

/* Behind a router, and on one machine, peers share an address; in the world they do
 * not. */
static bool is_repeated(const struct pex_list *l, const struct addr *a) {
    bool global = addr_kind(a) == ADDR_GLOBAL;
    for (uint32_t i = 0; i < l->count; i++)
        if (addr_same_ip(&l->peers[i].addr, a) &&
            (global || l->peers[i].addr.port == a->port))
            return true;
    return false;
}

static void add(struct pex_list *l, const struct addr *a, uint8_t flags) {
    if (addr_usable(a) && !is_repeated(l, a))
        l->peers[l->count++] = (struct pex_peer){*a, flags};
}

static void read_field(struct pex_list *l, struct bnode root, const struct field *f) {
    struct span s = {NULL, 0}, flags = {NULL, 0};
    size_t size = f->family == 4 ? 6 : 18;
    (void)bencode_string(bencode_get(root, f->addresses), &s);
    if (f->flags)
        (void)bencode_string(bencode_get(root, f->flags), &flags);
    for (size_t i = 0; (i + 1) * size <= s.len && l->count < PEX_MAX_HEAR; i++) {
        struct addr a;
        (void)addr_from_compact(&a, s.data + i * size, size);
        add(l, &a, i < flags.len ? flags.data[i] : 0);
    }
}

int ut_pex_decode(struct ut_pex *m, const uint8_t *data, size_t len) {
    struct bencode doc;
    size_t used;
    m->added.count = m->dropped.count = 0;
    if (len > PEX_MAX_MESSAGE)
        return ERR_LIMIT;
    int rc = bencode_parse_prefix(&doc, data, len, &used, NULL);
    if (rc < 0)
        return rc;
    struct bnode root = bencode_root(&doc);
    if (bencode_type(root) != BENCODE_DICT)
        rc = ERR_FORMAT;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        read_field(fields[i].dropped ? &m->dropped : &m->added, root, &fields[i]);
    bencode_free(&doc);
    return rc;
}

/* -- encoding ------------------------------------------------------------------------ */

/* The addresses of one family, one behind the other, and their flags. */
struct packed {
    uint8_t addresses[18 * PEX_MAX_TELL], flags[PEX_MAX_TELL];
    size_t len, count;
};

static void pack(struct packed *out, const struct pex_list *l, uint8_t family) {
    out->len = out->count = 0;
    for (uint32_t i = 0; i < MIN(l->count, PEX_MAX_TELL); i++) {
        if (l->peers[i].addr.family != family)
            continue;
        out->len += addr_to_compact(&l->peers[i].addr, out->addresses + out->len);
        out->flags[out->count++] = l->peers[i].flags;
    }
}

static void write_field(struct text *out, const struct pex_list *l,
                        const struct field *f) {
    struct packed p;
    pack(&p, l, f->family);
    if (!p.count)
        return;
    bencode_adds(out, f->addresses);
    bencode_add_string(out, p.addresses, p.len);
    if (!f->flags)
        return;
    bencode_adds(out, f->flags);
    bencode_add_string(out, p.flags, p.count);
}

void ut_pex_encode(struct text *out, const struct ut_pex *m) {
    text_addc(out, 'd');
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        write_field(out, fields[i].dropped ? &m->dropped : &m->added, &fields[i]);
    text_addc(out, 'e');
}
