/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call on virtual time for tests and benchmarks: the DCMF and two UEs with the real stacks on a
 * network of tests/lib/sim.h. Fails the program when something cannot be made.
 */
#ifndef SCENE_CALL_H
#define SCENE_CALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/daemon/ar_clock.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/dcmf/dcmf.h"
#include "tests/lib/dc_client.h"
#include "tests/lib/sim.h"

#include <cmocka.h>

#define SD 1000
#define META 1002
#define HTTP 0
#define NUE 2
#define POSE_US 16667

struct call;

struct ue {
	struct call *call;
	unsigned index;
	struct transport *t;
	struct dc_client *c;
	struct sim_node *node;
	enum peer_state state;
	bool sd, meta, http;
	json_t *doc;
	unsigned scenes, patches, refused, acks;
	size_t longest;
	uint64_t first_scene, last_update, longest_gap, worst_age;
	uint64_t stamp; /* virtual time that the other UE's place says */
	uint64_t http_bytes, http_at; /* at: the last of them */
	bool measure;
};

struct call {
	struct sim *sim;
	struct sim_node *node;
	struct transport *t;
	struct dcmf *d;
	struct nets_list nets;
	struct library *scenes;
	struct assets *assets;
	uint64_t next, born;
	char id[MRM_MAX_ID + 1];
	struct ue ue[NUE];
};

struct setting {
	struct sim_link link;
	uint64_t max_message[NUE];
	bool active; /* we are DTLS client towards the second UE */
	uint64_t seed;
	const char *assets; /* folder served; NULL: the scenes */
	bool http; /* the second UE has a bootstrap channel too */
};

void call_start(struct call *c, const struct setting *s);
void call_end(struct call *c);
bool both_have_scene(void *arg); /* for sim_run() */
void say(struct ue *u, const char *text); /* on the metadata channel */
/* Both walk for a while; x tells the time, so that the other side can tell its age. */
void walk(struct call *c, unsigned poses);

#endif
