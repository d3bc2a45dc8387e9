/* Any bytes as what a client says to the streaming server: a path, a Host, a Range, tags. */
#include <stdlib.h>
#include <string.h>

#include "codec/http_range.h"
#include "codec/media.h"
#include "codec/stream_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void read_range(const char *text, uint64_t size) {
    struct http_range r;
    enum http_range_answer answer = http_range_parse(text, size, &r);
    if (answer == RANGE_WHOLE)
        require(r.first == 0 && r.length == size);
    else if (answer == RANGE_PART)
        require(r.length > 0 && r.first < size && r.length <= size - r.first);
    else
        require(r.length == 0);
}

/* What is understood is written and understood again. */
static void read_path(const char *text) {
    struct stream_path p, again;
    struct text t;
    stream_path_parse(&p, text, "t");
    if (p.place != STREAM_FILE)
        return;
    text_init(&t);
    stream_path_add_file(&t, "t", p.info_hash, p.index, text);
    stream_path_parse(&again, t.data, "t");
    require(again.place == STREAM_FILE && again.index == p.index);
    require(memcmp(again.info_hash, p.info_hash, sizeof p.info_hash) == 0);
    text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), *half;
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    half = text + strlen(text) / 2;
    read_range(text, 0);
    read_range(text, 1000);
    read_range(text, UINT64_MAX);
    read_path(text);
    (void)stream_host_valid(text);
    (void)http_tag_matches(text, "\"a\"");
    (void)media_is_sample(text);
    int a = media_compare(text, half), b = media_compare(half, text);
    require((a < 0) == (b > 0) && (a == 0) == (strcmp(text, half) == 0));
    free(text);
    return 0;
}
