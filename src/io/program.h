/* program: another program that runs beside us, for the command line: a player. It shares our terminal
 * and our standard streams. */
#ifndef MARE_PROGRAM_H
#define MARE_PROGRAM_H

#include "base/err.h"

/* argv[0] is looked for on the PATH; ends with NULL. Its process id; ERR_NOTFOUND: there is no such
 * program, ... */
int program_start(char *const argv[], struct err *e) MUST_USE;
/* Its exit status once it has ended, 128 + N when signal N ended it; ERR_AGAIN while it runs;
 * ERR_NOTFOUND when it is no child of ours (any more). Asked again after its end: ERR_NOTFOUND. */
int program_status(int pid);
/* Is there a process of this number, whosoever it is? */
bool program_alive(int pid);
int program_self(void);
/* Asks it to end; or ends it, and waits for that: no zombie stays. */
void program_stop(int pid, bool at_once);
/* Closes all but the standard streams: what the program that started us has left open. To be called
 * before anything of ours is open. */
void program_close_inherited(void);

#endif
