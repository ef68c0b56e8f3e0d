/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call with an application in Lua, and UEs in it. */
#ifndef SCRIPT_RIG_H
#define SCRIPT_RIG_H

#include "rig.h"

#define MS 1000ull
#define SCRIPT_UES 3

struct script_rig {
	struct rig r;
	unsigned n;
	struct ue ue[SCRIPT_UES];
};

/* n UEs, all connected; application: of rig_apps. */
void script_start(struct script_rig *s, const char *application, unsigned n);
/* rig_apps becomes a new folder with one application, "app", of this text. */
void script_write(const char *text);
void script_stop(struct script_rig *s);
/* Lets time pass, and every UE read its scene. */
void script_pass(struct script_rig *s, uint64_t us);
/* Sends {"action": ...} and lets 50 ms pass; the acknowledgement's "ack" (new reference). Fails the
 * test when none comes. */
json_t *script_act(struct script_rig *s, unsigned ue, const char *action);
/* The same, and its code must be this one; NULL: it was done. */
void script_expect(struct script_rig *s, unsigned ue, const char *action, const char *code);
/* The next message of the application to the UE (its "message", new reference); NULL: none. */
json_t *script_message(struct script_rig *s, unsigned ue);
/* Drops what waits on the UE's metadata channel. */
void script_forget(struct script_rig *s);
/* Index of the server's node with that name, -1. */
int script_node(struct script_rig *s, const char *name);
long script_counter(struct script_rig *s, const char *name);

#endif
