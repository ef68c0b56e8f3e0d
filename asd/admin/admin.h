/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kamcmd's questions (ims_ar.status, .calls, .call, .reload, .policy, .drain), answered from live
 * state: a list of flat objects, printed in order. `call` asks mediad for the context's live facts
 * and so answers later, within a second.
 */
#ifndef ADMIN_H
#define ADMIN_H

#include "asd/call/call.h"

#define ADMIN_MAX_CALLS 500 /* listed at a time; the rest is counted */
#define ADMIN_MAX_ASKED 32 /* `call` questions that wait for mediad */

struct asd;

/* Answers ref exactly once, now or later. */
void admin_command(struct asd *a, struct front_ref ref, const char *cmd, const char *arg);

/* By name or Call-ID; NULL: none. */
const struct call *admin_find_call(const struct asd *a, const char *arg);
void admin_reply(struct asd *a, struct front_ref ref, json_t *items); /* steals items */
/* `media`: "<call> [show|snapshot [a|b [<media>]]]" (docs/front.md). */
void admin_media(struct asd *a, struct front_ref ref, const char *arg);
/* `drain`: "<mediad> on|off [<worker>]". */
void admin_drain(struct asd *a, struct front_ref ref, const char *arg);

#endif
