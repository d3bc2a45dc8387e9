/* magnet_parts: between magnet (the link as a whole) and magnet_fields (what each field says). */
#ifndef MARE_MAGNET_PARTS_H
#define MARE_MAGNET_PARTS_H

#include "codec/magnet.h"

struct magnet_reader {
    struct magnet *m;
    bool has_hash, has_v2;
    size_t bad_hash; /* length of an info hash that was none */
};

/* One "key=value". 0 or ERR_NOMEM. */
int magnet_read_field(struct magnet_reader *r, struct span field) MUST_USE;
/* 40 hexadecimal or 32 base32 digits. */
bool magnet_read_hash(uint8_t out[20], struct span s);
/* Percent-decoded; a '%' that no two digits follow stands for itself. */
void magnet_add_decoded(struct text *out, struct span s, bool plus_is_blank);

#endif
