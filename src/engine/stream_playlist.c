/* stream_playlist: a torrent's media as an M3U, which every player understands. Addresses are whole,
 * by the name that the client itself used, so that a saved list works. */
#include <stdlib.h>
#include <string.h>

#include "codec/printable.h"
#include "engine/stream_media.h"
#include "engine/stream_server.h"
#include "engine/torrent.h"

/* "folder/episode 1.mkv" without the torrent's own folder; a line break would be a new line of
 * the list. */
static void add_title(struct text *t, const struct metainfo *m, const char *path) {
    size_t len = strlen(m->name);
    if (m->multi && strncmp(path, m->name, len) == 0 && path[len] == '/')
        path += len + 1;
    printable_add(t, (struct span){(const uint8_t *)path, strlen(path)});
}

static void add_entry(struct text *t, const struct stream_server *v, const char *host,
                      const struct metainfo *m, const struct stream_media *each) {
    text_adds(t, "#EXTINF:-1,");
    add_title(t, m, each->path);
    text_addf(t, "\nhttp://%s", host);
    stream_path_add_file(t, v->token, m->info_hash, each->number, each->path);
    text_addc(t, '\n');
}

static void answer(struct stream_server *v, struct http_request *r,
                   const struct metainfo *m) {
    struct text t;
    uint32_t count = stream_media_count(m);
    struct stream_media *list = malloc((count + 1) * sizeof *list);
    if (!list) {
        stream_say(r, 500, "out of memory\n");
        return;
    }
    stream_media_list(m, list);
    text_init(&t);
    text_adds(&t, "#EXTM3U\n#PLAYLIST:");
    printable_add(&t, (struct span){(const uint8_t *)m->name, strlen(m->name)});
    text_addc(&t, '\n');
    for (uint32_t i = 0; i < count; i++)
        add_entry(&t, v, http_header(r, "Host"), m, &list[i]);
    free(list);
    stream_send(r, "audio/x-mpegurl; charset=utf-8", &t);
}

void stream_answer_playlist(struct stream_server *v, struct http_request *r,
                            const struct stream_path *p) {
    const struct torrent *t = session_find(v->session, p->info_hash);
    if (t && t->meta)
        answer(v, r, t->meta);
    else if (t)
        stream_say(r, 503, "the torrent's metadata is not known yet: try again\n");
    else
        stream_say(r, 404, "there is no such torrent here\n");
}
