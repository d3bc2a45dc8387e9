/* value: small conversions between engine and Lua that every object needs. */
#ifndef MARE_VALUE_H
#define MARE_VALUE_H

#include "base/err.h"
#include "lua/compat.h"

struct addr;

/* nil, message, code: how an expected failure returns. Says 3. */
int push_failure(lua_State *L, const struct err *e);
int push_failure_code(lua_State *L, int code, const char *text);
/* true, or the failure when status < 0. */
int push_status(lua_State *L, int status, const struct err *e);

void push_hex(lua_State *L, const uint8_t *data, size_t len);
void push_text_or_nil(lua_State *L, const char *text); /* nil for NULL and "" */
void push_seconds(lua_State *L, usec t);               /* a fraction of seconds */
void push_span(lua_State *L, usec t);                  /* the same; nil for USEC_NEVER */
void push_limit(lua_State *L, uint32_t n);             /* math.huge for UINT32_MAX */
void push_address_text(lua_State *L, const struct addr *a);
void push_ip_text(lua_State *L, const struct addr *a);
void push_strings(lua_State *L, char *const *strings, uint32_t count); /* a list */

/* Fields of the table on top. */
void set_string(lua_State *L, const char *name, const char *text); /* none for NULL */
void set_text(lua_State *L, const char *name, const char *text);   /* nor for "" */
void set_count(lua_State *L, const char *name, uint64_t n);
void set_known(lua_State *L, const char *name, int64_t n); /* none for what is below 0 */
void set_number(lua_State *L, const char *name, double n);
void set_flag(lua_State *L, const char *name, bool is);
void set_seconds(lua_State *L, const char *name, usec t); /* none for USEC_NEVER */

/* Splits "host:port" in place; false when it is not of that form. */
bool split_host_port(char *text, uint16_t *port);

/* Arguments. All of them raise on nonsense; `what` is the name that the complaint uses. */
uint64_t check_count(lua_State *L, int i, const char *what); /* 0 .. 2^53 */
uint64_t check_count_below(lua_State *L, int i, uint64_t end, const char *what);
uint64_t check_rate(lua_State *L, int i, const char *what); /* nil, math.huge: 0 */
uint32_t check_limit(lua_State *L, int i,
                     const char *what); /* nil: 0; math.huge: UINT32_MAX */
usec check_seconds(lua_State *L, int i,
                   const char *what); /* nil, math.huge: USEC_NEVER */

#endif
