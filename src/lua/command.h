/* command: what the command line needs from the system, and a library must leave alone: the
 * terminal, signals, other programs. Nothing here happens unless lua/mare/cli asks for it. */
#ifndef MARE_LUA_COMMAND_H
#define MARE_LUA_COMMAND_H

#include "lua/compat.h"

int command_terminal_width(
    lua_State *L); /* terminal_width(fd): columns, or nil: no terminal */
int command_catch_interrupts(lua_State *L); /* catch_interrupts([false]) */
int command_interrupted(lua_State *L);      /* interrupted(): was there one? */
int command_start_program(lua_State *L);
int command_program_status(lua_State *L);
int command_stop_program(lua_State *L);
int command_process_alive(lua_State *L);
int command_process_id(lua_State *L);
int command_close_inherited(lua_State *L);
int command_channel_listen(lua_State *L); /* these three: channel.c */
int command_channel_connect(lua_State *L);
int command_channel_wait(lua_State *L);

#endif
