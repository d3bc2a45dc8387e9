/* blocklist_line: one line of a block list, of whatever format it is (blocklist.h). */
#ifndef MARE_BLOCKLIST_LINE_H
#define MARE_BLOCKLIST_LINE_H

#include "base/addr.h"

struct addr_range {
    struct addr first, last;
};

/* What is wrong with the line, or NULL. *bars: it names a range that nobody is to be talked to in; a
 * comment or an empty line does not. */
const char *blocklist_read_line(struct span line, struct addr_range *r, bool *bars);
/* What is wrong with the range, or NULL. */
const char *blocklist_check_order(const struct addr_range *r);

#endif
