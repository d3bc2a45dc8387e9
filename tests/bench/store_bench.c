/* store_bench: the cheapest way of a complete piece to its file.
 *
 * Every contender fills a buffer (that copy stands for the kernel and is paid by all) and stores
 * 256 MiB in a new file, which is then deleted. First by CPU time, into the page cache, as the
 * engine does; then by the wall clock until fdatasync says that the device has it, where direct
 * I/O could show what it is good for.
 *
 *     store_bench [ROUNDS] [DIRECTORY] */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "measure.h"

#define FILE_BYTES (256 * MIB)
#define SPAN (4 * MIB) /* the buffer; what is written at a time divides it */

enum style { PLAIN, FALLOCATE, FRESH, MAPPED, DIRECT };

struct store {
    const char *directory;
    uint8_t *buffer; /* page-aligned, warm */
    size_t chunk;    /* bytes a call */
    enum style style;
    bool sync;
};

static int open_new(const struct store *s) {
    char path[4096];
    snprintf(path, sizeof path, "%s/store_bench.tmp", s->directory);
    int direct = s->style == DIRECT ? O_DIRECT : 0;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | direct, 0600);
    if (fd < 0)
        die(path);
    unlink(path);
    return fd;
}

static void write_all(int fd, const uint8_t *data, size_t len, size_t at) {
    if (pwrite(fd, data, len, (off_t)at) != (ssize_t)len)
        die("pwrite");
}

/* A span from one buffer, or from a new one, as if there were no pool. */
static void store_span(const struct store *s, int fd, size_t at) {
    uint8_t *data = s->buffer;
    if (s->style == FRESH)
        data =
            mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        die("mmap");
    for (size_t done = 0; done < SPAN; done += s->chunk) {
        memset(data + done % MIB, (int)at, s->chunk);
        write_all(fd, data + done % MIB, s->chunk, at + done);
    }
    if (s->style == FRESH)
        munmap(data, SPAN);
}

static void store_mapped(int fd) {
    uint8_t *map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        die("mmap");
    memset(map, 1, FILE_BYTES);
    munmap(map, FILE_BYTES);
}

static double run(void *of) {
    const struct store *s = of;
    int fd = open_new(s);
    if (ftruncate(fd, FILE_BYTES) < 0)
        die("ftruncate");
    if (s->style == FALLOCATE && posix_fallocate(fd, 0, FILE_BYTES) != 0)
        die("fallocate");
    if (s->style == MAPPED)
        store_mapped(fd);
    else
        for (size_t at = 0; at < FILE_BYTES; at += SPAN)
            store_span(s, fd, at);
    if (s->sync && fdatasync(fd) < 0)
        die("fdatasync");
    close(fd);
    return (double)FILE_BYTES / 1e9;
}

/* In a virtual machine with free page reporting the first touch of a page costs a fault of the
 * host: what the file takes is touched and handed back just before. */
static void warm_free_memory(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    void *p = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p != MAP_FAILED)
        munmap(p, FILE_BYTES);
}

/* tmpfs and some others have no direct I/O. */
static bool can_write_directly(const char *directory) {
    char path[4096];
    snprintf(path, sizeof path, "%s/store_bench.tmp", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    unlink(path);
    close(fd);
    return true;
}

#define ROWS_MAX 10

static void compare_stores(const char *directory, uint8_t *buffer, int rounds,
                           bool sync) {
    static const struct {
        const char *name;
        size_t chunk;
        enum style style;
        bool in_cache, synced; /* part of which comparison */
    } ways[] = {
        {"1 MiB a call, warm buffer", MIB, PLAIN, true, true},
        {"16 KiB a call (each block)", 16384, PLAIN, true, false},
        {"64 KiB a call", 65536, PLAIN, true, false},
        {"256 KiB a call", MIB / 4, PLAIN, true, false},
        {"1 MiB, fallocate first", MIB, FALLOCATE, true, true},
        {"1 MiB, fresh pages each time", MIB, FRESH, true, false},
        {"a mapping of the file", MIB, MAPPED, true, true},
        {"1 MiB, direct I/O", MIB, DIRECT, true, true},
    };
    struct store stores[ROWS_MAX];
    struct contender contenders[ROWS_MAX];
    size_t n = 0;
    bool direct = can_write_directly(directory);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        if (!(sync ? ways[i].synced : ways[i].in_cache) ||
            (ways[i].style == DIRECT && !direct))
            continue;
        stores[n] = (struct store){directory, buffer, ways[i].chunk, ways[i].style, sync};
        contenders[n] = (struct contender){ways[i].name, run, &stores[n]};
        n++;
    }
    struct way way = {sync ? wall_seconds : thread_seconds, warm_free_memory};
    const char *group =
        sync ? "store until fdatasync, wall" : "store a piece in the page cache, CPU";
    compare_by(&way, group, "GB/s", rounds, contenders, n);
}

int main(int argc, char **argv) {
    const char *directory = argc > 2 ? argv[2] : ".";
    uint8_t *buffer = must(aligned_alloc(4096, SPAN));
    memset(buffer, 1, SPAN);
    compare_stores(directory, buffer, rounds_of(argc, argv), false);
    compare_stores(directory, buffer, 3, true);
    free(buffer);
    return 0;
}
