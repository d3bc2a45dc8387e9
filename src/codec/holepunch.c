/* holepunch: see the header. Some clients leave the error code out where there is no
 * error. */
#include "codec/holepunch.h"

#include "base/bytes.h"

/* Of type, family, address and port. */
static size_t fixed_len(uint8_t family) {
    return 2 + (family == 0 ? 6 : 18);
}

int holepunch_decode(struct holepunch *m, const uint8_t *data, size_t len) {
    *m = (struct holepunch){0};
    if (len < 2 || data[1] > 1 || len < fixed_len(data[1]))
        return ERR_FORMAT;
    if (data[0] > HOLEPUNCH_ERROR)
        return ERR_UNSUPPORTED;
    size_t used = fixed_len(data[1]);
    m->type = (enum holepunch_type)data[0];
    (void)addr_from_compact(&m->addr, data + 2, data[1] == 0 ? 6 : 18);
    if (m->type == HOLEPUNCH_ERROR) {
        if (len - used < 4)
            return ERR_FORMAT;
        m->error = get_u32(data + used);
    }
    return addr_usable(&m->addr) ? 0 : ERR_INVALID;
}

size_t holepunch_encode(uint8_t out[HOLEPUNCH_MAX], const struct holepunch *m) {
    out[0] = (uint8_t)m->type;
    out[1] = m->addr.family == 6;
    size_t used = 2 + addr_to_compact(&m->addr, out + 2);
    put_u32(out + used, m->type == HOLEPUNCH_ERROR ? m->error : 0);
    return used + 4;
}
