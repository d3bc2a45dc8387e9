/* Any bytes as a torrent, and as an info dictionary. If one is accepted, its promises are
 * checked: paths stay inside and differ, sizes and pieces agree, look-ups find their file. */
#include <stdlib.h>
#include <string.h>

#include "codec/metainfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_element(const char *s, size_t len) {
    require(len > 0 && len <= 255);
    require(!(len == 1 && s[0] == '.') && !(len == 2 && s[0] == '.' && s[1] == '.'));
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_len((const uint8_t *)s + i, len - i);
        require(n > 0 && (uint8_t)s[i] >= ' ' && s[i] != '\\');
    }
}

static void check_path(const char *path) {
    for (;;) {
        size_t len = strcspn(path, "/");
        check_element(path, len);
        if (!path[len])
            return;
        path += len + 1;
    }
}

static void check_files(const struct metainfo *m) {
    uint64_t offset = 0;
    uint32_t first, end;
    for (uint32_t i = 0; i < m->file_count; i++) {
        const struct metainfo_file *f = &m->files[i];
        check_path(f->path);
        require(f->offset == offset);
        offset += f->length;
        metainfo_file_pieces(m, i, &first, &end);
        require(first <= end && end <= m->pieces);
        require((first == end) == (f->length == 0));
        require(!f->length || metainfo_file_at(m, f->offset) == i);
        require(!f->length || metainfo_file_at(m, f->offset + f->length - 1) == i);
        for (uint32_t j = 0; j < i && i < 50; j++)
            require((f->flags | m->files[j].flags) & FILE_PAD ||
                    strcmp(f->path, m->files[j].path) != 0);
    }
    require(offset == m->size);
}

static void check_torrent(const struct metainfo *m) {
    uint64_t sum = 0;
    check_path(m->name);
    require(!strchr(m->name, '/'));
    check_files(m);
    for (uint32_t i = 0; i < m->pieces; i++) {
        sum += metainfo_piece_size(m, i);
        require(metainfo_hash(m, i) + SHA1_LEN <= m->info + m->info_len);
    }
    require(sum == m->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct metainfo *m;
    if (metainfo_parse(&m, data, size, NULL) == 0) {
        check_torrent(m);
        metainfo_drop(m);
    }
    if (metainfo_parse_info(&m, data, size, NULL) == 0) {
        check_torrent(m);
        metainfo_drop(m);
    }
    return 0;
}
