/* open_files: a list of at most some dozens, searched from the most recent on: with downloads
 * going piece by piece that is nearly always the first. */
#include "io/open_files.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include "base/err.h"

#define OPEN_FILE(l) LIST_ITEM(l, struct open_file, link)

int open_files_init(struct open_files *f, uint32_t max, uint32_t files) {
    *f = (struct open_files){.max = max};
    list_init(&f->list);
    if (bitset_init(&f->seen, files) < 0)
        return ERR_NOMEM;
    if (!uv_mutex_init(&f->lock))
        return 0;
    bitset_fini(&f->seen);
    return ERR_NOMEM;
}

void open_files_fini(struct open_files *f) {
    open_files_close_all(f);
    assert(list_empty(&f->list));
    bitset_fini(&f->seen);
    uv_mutex_destroy(&f->lock);
}

/* Not in the list any more: a link that is a list of its own. */
static bool is_listed(const struct open_file *o) {
    return o->link.next != &o->link;
}

static void unlist(struct open_files *f, struct open_file *o) {
    list_remove(&o->link);
    f->count--;
}

static void close_file(struct open_file *o) {
    if (!o)
        return;
    close(o->fd);
    free(o);
}

static struct open_file *find(struct open_files *f, uint32_t file) {
    LIST_EACH(l, &f->list) {
        if (OPEN_FILE(l)->file == file)
            return OPEN_FILE(l);
    }
    return NULL;
}

static struct open_file *use(struct open_files *f, struct open_file *o) {
    o->users++;
    list_remove(&o->link);
    list_insert(f->list.next, &o->link);
    return o;
}

struct open_file *open_files_find(struct open_files *f, uint32_t file, bool write) {
    uv_mutex_lock(&f->lock);
    struct open_file *o = find(f, file);
    o = o && (o->writable || !write) ? use(f, o) : NULL;
    uv_mutex_unlock(&f->lock);
    return o;
}

/* The least recently used that nobody uses, taken off the list; NULL while there is room. */
static struct open_file *surplus(struct open_files *f) {
    if (f->count <= f->max)
        return NULL;
    for (struct link *l = f->list.prev; l != &f->list; l = l->prev) {
        if (!OPEN_FILE(l)->users) {
            unlist(f, OPEN_FILE(l));
            return OPEN_FILE(l);
        }
    }
    return NULL;
}

/* A file that is open for reading only makes way for one that can be written. */
static struct open_file *supersede(struct open_files *f, struct open_file *old) {
    unlist(f, old);
    return old->users ? NULL : old; /* its last user closes it */
}

/* tmpfs refuses RWF_NOWAIT, although it is the one place where nothing ever waits. */
static bool is_in_memory(int fd) {
#ifdef TMPFS_MAGIC
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
#else
    (void)fd;
    return false;
#endif
}

struct open_file *open_files_add(struct open_files *f, uint32_t file, int fd, bool write,
                                 bool linked) {
    struct open_file *add = malloc(sizeof *add), *close_1 = NULL, *close_2 = NULL;
    if (!add) {
        close(fd);
        return NULL;
    }
    *add = (struct open_file){.file = file,
                              .fd = fd,
                              .writable = write,
                              .in_memory = is_in_memory(fd),
                              .linked = linked};
    list_init(&add->link);

    uv_mutex_lock(&f->lock);
    struct open_file *now = find(f, file), *result = now;
    if (now && (now->writable || !write)) {
        close_1 = add;
    } else {
        close_1 = now ? supersede(f, now) : NULL;
        result = add;
        f->count++;
    }
    use(f, result);
    bitset_add(&f->seen, file);
    close_2 = surplus(f);
    uv_mutex_unlock(&f->lock);

    close_file(close_1);
    close_file(close_2);
    return result;
}

void open_files_release(struct open_files *f, struct open_file *o) {
    uv_mutex_lock(&f->lock);
    assert(o->users);
    struct open_file *over = NULL;
    if (!--o->users)
        over = is_listed(o) ? surplus(f) : o;
    uv_mutex_unlock(&f->lock);
    close_file(over);
}

void open_files_forget(struct open_files *f, struct open_file *o) {
    uv_mutex_lock(&f->lock);
    if (is_listed(o))
        unlist(f, o);
    uv_mutex_unlock(&f->lock);
}

void open_files_close_all(struct open_files *f) {
    struct link gone;
    list_init(&gone);
    uv_mutex_lock(&f->lock);
    LIST_EACH(l, &f->list) {
        if (!OPEN_FILE(l)->users) {
            unlist(f, OPEN_FILE(l));
            list_append(&gone, l);
        }
    }
    uv_mutex_unlock(&f->lock);
    for (struct link *l; (l = list_shift(&gone));)
        close_file(OPEN_FILE(l));
}

bool open_files_seen(struct open_files *f, uint32_t file) {
    uv_mutex_lock(&f->lock);
    bool seen = bitset_has(&f->seen, file);
    uv_mutex_unlock(&f->lock);
    return seen;
}

void open_files_unsee(struct open_files *f, uint32_t file) {
    uv_mutex_lock(&f->lock);
    bitset_remove(&f->seen, file);
    uv_mutex_unlock(&f->lock);
}
