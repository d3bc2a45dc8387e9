/* Any bytes as the reply to a scrape, and as an announce URL. */
#include <stdlib.h>
#include <string.h>

#include "codec/scrape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static const uint8_t hashes[2][20] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"};

static void ask(const uint8_t *data, size_t size) {
    struct text t;
    char *url = strndup((const char *)data, size);
    require(url);
    text_init(&t);
    if (scrape_url(&t, url, hashes, 2) == 0)
        require(strstr(t.data, "/scrape") && strstr(t.data, "&info_hash=bbb"));
    text_free(&t);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct scrape_reply r;
    struct scrape_counts counts[2];
    if (scrape_reply_parse(&r, counts, hashes, 2, data, size, NULL) == 0)
        for (int i = 0; i < 2; i++)
            require(counts[i].complete >= -1 && counts[i].complete <= 1000000000);
    ask(data, size);
    return 0;
}
