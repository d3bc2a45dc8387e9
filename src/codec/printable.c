/* printable: see the header. Replacing keeps the text's shape visible, where dropping would
 * let two different names become one. */
#include "codec/printable.h"

#include <string.h>

static uint32_t decode(const uint8_t *p, size_t n) {
    static const uint8_t first_bits[] = {0xff, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & first_bits[n]; /* n = 0: not UTF-8, the bare byte */
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Marks, embeddings, overrides and isolates of the bidirectional algorithm. */
static bool turns_direction(uint32_t c) {
    return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

size_t printable_step(const uint8_t *p, size_t len, bool *fit) {
    size_t n = utf8_len(p, len);
    uint32_t c = decode(p, n);
    *fit = n && !is_control(c) && !turns_direction(c);
    return n ? n : 1;
}

static char substitute(uint8_t c) {
    return c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
}

void printable_add(struct text *out, struct span in) {
    bool fit;
    for (size_t i = 0, n; i < in.len; i += n) {
        n = printable_step(in.data + i, in.len - i, &fit);
        if (fit)
            text_add(out, in.data + i, n);
        else
            text_addc(out, substitute(in.data[i]));
    }
}

void printable_copy(char *out, size_t size, struct span in) {
    size_t used = 0;
    bool fit;
    for (size_t i = 0, n; i < in.len; i += n) {
        n = printable_step(in.data + i, in.len - i, &fit);
        if (used + (fit ? n : 1) >= size)
            break;
        if (fit)
            memcpy(out + used, in.data + i, n);
        else
            out[used] = substitute(in.data[i]);
        used += fit ? n : 1;
    }
    out[used] = '\0';
}

bool utf8_valid(struct span s) {
    for (size_t i = 0, n; i < s.len; i += n)
        if ((n = utf8_len(s.data + i, s.len - i)) == 0)
            return false;
    return true;
}
