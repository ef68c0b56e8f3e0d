/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Executes the MPEG_scene_interactivity of a call's scene: what participants do and where they are
 * sets triggers, behaviors whose combination begins or ends to hold run their actions on the
 * scene (docs/scenes.md, Interactivity). Worker's loop. Owned by its app.
 */
#ifndef INTERACT_RUN_H
#define INTERACT_RUN_H

#include "mediad/dcmf/app.h"

#define INTERACT_STEP 50000 /* us between two looks at where participants are */
#define INTERACT_PENDING 128 /* actions that wait for their delay; more are left out */

struct interact_run;
struct interact_stats {
	uint64_t fired, actions, dropped; /* behaviors begun, actions done, actions left out */
};

/* *out NULL: the scene has none. -EINVAL: the library has refused such a scene; -ENOMEM. */
int interact_open(struct interact_run **out, struct app *a) __attribute__((warn_unused_result));
void interact_close(struct interact_run *r);
/* User input triggers that the action means, as bits; 0: none. r may be NULL here and below. */
uint64_t interact_match(const struct interact_run *r, const struct app_action *act);
/* That input has happened; what follows at once is done when this returns. */
void interact_input(struct interact_run *r, uint64_t bits, uint64_t now);
/* Looks around if it is time and something has moved; when to come again. */
uint64_t interact_due(struct interact_run *r, uint64_t now);
const struct interact_stats *interact_get_stats(const struct interact_run *r);

#endif
