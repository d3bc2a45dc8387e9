/* blocklist_line: one line of a block list, in any of the three formats:
 *
 *     P2P     some name:1.2.3.0-1.2.3.255
 *     DAT     001.002.003.000 - 001.002.003.255 , 100 , some name
 *     CIDR    1.2.3.0/24          and a plain address */
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
