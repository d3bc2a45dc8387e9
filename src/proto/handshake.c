/* handshake: the fixed 68 bytes that open a connection (BEP 3), and what a peer id tells
 * about the client behind it (BEP 20 and the older styles).
 *
 * The decoder looks at every byte of the protocol's name as soon as it is there: whoever
 * speaks something else (HTTP, an encrypted stream) is known by his first byte, and the
 * caller can try that instead while nothing was consumed. */
#include "proto/handshake.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const uint8_t protocol[20] = "\023BitTorrent protocol";

enum { RESERVED = 20, INFO_HASH = 28, PEER_ID = 48 }; /* offsets */

void handshake_encode(uint8_t out[HANDSHAKE_LEN], const struct handshake *h) {
    memset(out, 0, HANDSHAKE_LEN);
    memcpy(out, protocol, sizeof protocol);
    out[RESERVED + 5] = h->extensions ? 0x10 : 0;
    out[RESERVED + 7] = (uint8_t)((h->fast ? 0x04 : 0) | (h->dht ? 0x01 : 0));
    memcpy(out + INFO_HASH, h->info_hash, 20);
    memcpy(out + PEER_ID, h->peer_id, 20);
}

static bool name_matches(const struct chunked_buffer *in) {
    uint8_t start[sizeof protocol];
    size_t len = MIN(chunked_buffer_length(in), sizeof protocol);
    return chunked_buffer_copy_to(in, 0, start, len) && memcmp(start, protocol, len) == 0;
}

int handshake_decode(struct handshake *h, struct chunked_buffer *in) {
    uint8_t b[HANDSHAKE_LEN];
    if (!name_matches(in))
        return ERR_PROTOCOL;
    if (!chunked_buffer_consume(in, b, sizeof b))
        return 0;
    h->extensions = b[RESERVED + 5] & 0x10;
    h->fast = b[RESERVED + 7] & 0x04;
    h->dht = b[RESERVED + 7] & 0x01;
    memcpy(h->info_hash, b + INFO_HASH, 20);
    memcpy(h->peer_id, b + PEER_ID, 20);
    return 1;
}

/* -- client names ---------------------------------------------------------------------- */

#define CLIENT_NAME_LEN 64

struct client {
    const char *code, *name;
};

/* "-qB4520-": two letters and four digits (BEP 20). */
static const struct client azureus[] = {
    {"7T", "aTorrent"},
    {"AG", "Ares"},
    {"AZ", "Vuze"},
    {"BC", "BitComet"},
    {"BG", "BTGetit"},
    {"BI", "BiglyBT"},
    {"BL", "BitLord"},
    {"BN", "Baidu Netdisk"},
    {"BT", "BitTorrent"},
    {"BW", "BitWombat"},
    {"DE", "Deluge"},
    {"FD", "Free Download Manager"},
    {"FG", "FlashGet"},
    {"FL", "Flud"},
    {"GT", "anacrolix/torrent"},
    {"KT", "KTorrent"},
    {"LP", "Lphant"},
    {"LT", "libtorrent"},
    {"MO", "MonoTorrent"},
    {"MR", "Miro"},
    {"PI", "PicoTorrent"},
    {"RQ", "rqbit"},
    {"SD", "Thunder"},
    {"TB", "Torch"},
    {"TL", "Tribler"},
    {"TR", "Transmission"},
    {"TX", "Tixati"},
    {"UE", "uTorrent Embedded"},
    {"UM", "uTorrent Mac"},
    {"UT", "uTorrent"},
    {"UW", "uTorrent Web"},
    {"WW", "WebTorrent"},
    {"WD", "WebTorrent Desktop"},
    {"XF", "Xfplay"},
    {"XL", "Xunlei"},
    {"lt", "rTorrent"},
    {"mr", "mare"},
    {"qB", "qBittorrent"},
    {"st", "SharkTorrent"},
};

/* "S58B-----": one letter and up to five digits, then dashes (Shadow's style). */
static const struct client shadow[] = {
    {"A", "ABC"},      {"O", "Osprey"},     {"Q", "BTQueue"},  {"R", "Tribler"},
    {"S", "Shadow's"}, {"T", "BitTornado"}, {"U", "UPnP NAT"},
};

/* "M7-10-5-": numbers with dashes between them. */
static const struct client dashed[] = {{"A2-", "aria2"}, {"M", "Mainline"}};

static const char *find_name(const struct client *row, size_t count, const uint8_t *id) {
    for (; count--; row++)
        if (memcmp(row->code, id, strlen(row->code)) == 0)
            return row->name;
    return NULL;
}

/* 0-9, A-Z for 10 to 35, a-z for 36 to 61; -1 for anything else. */
static int version_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'z' ? c - 'a' + 36 : -1;
}

/* "name 4.5.2" from n digits. A fourth that is 0 says nothing, and one that is a letter is a
 * mark of a test build rather than a number: both are left out. */
static void put_version(char *out, const char *name, const uint8_t *digits, size_t n) {
    if (n == 4 && (digits[3] == '0' || digits[3] > '9'))
        n = 3;
    int len = snprintf(out, CLIENT_NAME_LEN, "%s", name);
    for (size_t i = 0; i < n && len < CLIENT_NAME_LEN; i++)
        len += snprintf(out + len, (size_t)(CLIENT_NAME_LEN - len), "%c%d", i ? '.' : ' ',
                        version_digit(digits[i]));
}

static bool azureus_name(char *out, const uint8_t *id) {
    bool style = id[0] == '-' && id[7] == '-' && version_digit(id[1]) >= 0 &&
                 version_digit(id[2]) >= 0;
    for (size_t i = 3; i < 7; i++)
        style = style && version_digit(id[i]) >= 0;
    if (!style)
        return false;
    const char code[3] = {(char)id[1], (char)id[2], '\0'};
    const char *name = find_name(azureus, COUNT_OF(azureus), id + 1);
    put_version(out, name ? name : code, id + 3, 4);
    return true;
}

static bool shadow_name(char *out, const uint8_t *id) {
    const char *name = find_name(shadow, COUNT_OF(shadow), id);
    size_t digits = 0;
    while (digits < 5 && version_digit(id[1 + digits]) >= 0)
        digits++;
    if (!name || digits < 3 || memcmp(id + 1 + digits, "---", 3) != 0)
        return false;
    put_version(out, name, id + 1, digits);
    return true;
}

static bool dashed_name(char *out, const uint8_t *id) {
    const char *name = find_name(dashed, COUNT_OF(dashed), id);
    int a, b, c;
    char text[21];
    memcpy(text, id, 20);
    text[20] = '\0';
    if (!name || sscanf(text + (id[0] == 'M' ? 1 : 3), "%3d-%3d-%3d-", &a, &b, &c) != 3 ||
        a < 0 || b < 0 || c < 0)
        return false;
    snprintf(out, CLIENT_NAME_LEN, "%s %d.%d.%d", name, a, b, c);
    return true;
}

void client_name(char out[64], const uint8_t peer_id[20]) {
    if (azureus_name(out, peer_id) || shadow_name(out, peer_id) ||
        dashed_name(out, peer_id))
        return;
    size_t n = 0;
    for (; n < 20 && peer_id[n] >= ' ' && peer_id[n] <= '~'; n++)
        out[n] = (char)peer_id[n];
    out[n] = '\0';
}
