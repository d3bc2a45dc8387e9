/* warm MIB: touches so much memory, says "ok", holds it until stdin closes, gives it back.
 *
 * In a virtual machine that reports free pages to its host the first touch of a page costs a fault
 * on the host: about two seconds per gigabyte, more than what is measured. The harness holds memory
 * between two runs and releases it just before a program starts, so that each program is handed
 * pages which the host already backs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
    size_t size = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1024) << 20;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    puts(p == MAP_FAILED ? "no" : "ok");
    fflush(stdout);
    while (getchar() != EOF) {}
    return 0;
}
