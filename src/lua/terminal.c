#include "lua/command.h"

#include <sys/ioctl.h>

#define USUAL_WIDTH 80 /* of a terminal that does not say */

int command_terminal_width(lua_State *L) {
    struct winsize size;
    if (ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, size.ws_col ? size.ws_col : USUAL_WIDTH);
    return 1;
}
