/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two UEs in a scene, on the rig. */
#ifndef PAIR_H
#define PAIR_H

#include "rig.h"

#define MS 1000ull

struct pair {
	struct rig r;
	struct ue a, b;
};

void connect_two(struct pair *p);
void done(struct pair *p);
/* Time passes, and both have the server's scene. */
void settle(struct pair *p);
/* Fails the test when there is nothing. */
json_t *at(struct ue *u, const char *pointer);
/* Of an acknowledgement: "ok", or why not. */
const char *ack_code(json_t *ack);
/* Sends an action; fails the test when this is not what comes of it. */
void act(struct ue *u, const char *action, const char *want);
long counter(struct rig *r, const char *name);

#endif
