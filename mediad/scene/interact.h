/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MPEG_scene_interactivity (ISO/IEC 23090-14) of a scene: triggers, actions, and behaviors that
 * bind them, read and checked once. The subset and its meaning: docs/scenes.md, Interactivity.
 * Who executes it: mediad/dcmf/interact.h. Immutable after interact_read(); any thread.
 */
#ifndef SCENE_INTERACT_H
#define SCENE_INTERACT_H

#include "common/ar_buf.h"
#include "mediad/scene/scene.h"

#define INTERACT_MAX 64 /* of each kind */
#define INTERACT_MAX_NODES 16 /* of one trigger or action */
#define INTERACT_MAX_PAIRS 128 /* nodes of all triggers: what one evaluation looks at */
#define INTERACT_MAX_TEXT 96 /* of a description, or a combination */
#define INTERACT_MAX_DEPTH 8 /* parentheses of a combination */
#define INTERACT_MAX_DELAY 3600 /* seconds */

enum interact_trigger_type {
	INTERACT_COLLISION, /* not evaluated here: always false */
	INTERACT_PROXIMITY,
	INTERACT_USER_INPUT,
	INTERACT_VISIBILITY
};

struct interact_trigger {
	enum interact_trigger_type type;
	unsigned nnode;
	uint16_t node[INTERACT_MAX_NODES];
	int reference; /* node it is seen or measured from; -1: any participant */
	float lower, upper; /* metres */
	float cosine; /* of half the field of view */
	char input[INTERACT_MAX_TEXT + 1];
};

enum interact_action_type {
	INTERACT_ACTIVATE,
	INTERACT_TRANSFORM,
	INTERACT_BLOCK, /* not executed here, as the next */
	INTERACT_ANIMATION,
	INTERACT_MEDIA,
	INTERACT_MANIPULATE,
	INTERACT_SET_MATERIAL,
	INTERACT_HAPTIC
};

enum interact_control { INTERACT_PLAY, INTERACT_PAUSE, INTERACT_STOP, INTERACT_RESUME };

struct interact_action {
	enum interact_action_type type;
	uint64_t delay; /* us */
	unsigned nnode;
	uint16_t node[INTERACT_MAX_NODES];
	bool enable;
	struct scene_pose pose;
	unsigned index; /* of the animation, medium or material */
	enum interact_control control;
};

enum interact_activation {
	INTERACT_FIRST_ENTER,
	INTERACT_EACH_ENTER,
	INTERACT_ON,
	INTERACT_FIRST_EXIT,
	INTERACT_EACH_EXIT,
	INTERACT_OFF
};

/* Combination in postfix: a trigger's index, or an operator. */
#define INTERACT_AND 0x80
#define INTERACT_OR 0x81
#define INTERACT_NOT 0x82

struct interact_behavior {
	uint64_t triggers; /* bits */
	unsigned naction, ncode;
	uint8_t action[INTERACT_MAX];
	uint8_t code[INTERACT_MAX_TEXT];
	enum interact_activation activation;
	bool sequential;
	double priority;
};

struct interact {
	unsigned ntrigger, naction, nbehavior;
	struct interact_trigger trigger[INTERACT_MAX];
	struct interact_action action[INTERACT_MAX];
	struct interact_behavior behavior[INTERACT_MAX];
};

/* *out NULL: the scene has none. -EINVAL with place and reason in why, -ENOMEM. */
int interact_read(struct interact **out, const json_t *doc, struct ar_buf *why)
	__attribute__((warn_unused_result));
/* Is the combination true, given the triggers that are? */
bool interact_holds(const struct interact_behavior *b, uint64_t on);

#endif
