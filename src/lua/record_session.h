/* record_session: the recorder (record.h) of a session, as lua/mare/record.lua drives it. */
#ifndef MARE_LUA_RECORD_SESSION_H
#define MARE_LUA_RECORD_SESSION_H

#include "lua/policy.h"

/* _recording(on): from now on, anew, or no more. True; or nil, message, code. */
int session_recording(lua_State *L);
/* _recorded(): the lines since the last time; nil when nothing is recorded. */
int session_recorded(lua_State *L);
/* What the bridge's hook `tell` says of a session's torrent. */
bool record_tell(struct policy_bridge *b, handle torrent, struct policy_self *self,
                 struct policy_terms *terms);

#endif
