/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A DCMF on the transport's test double, with virtual time, and UEs that keep a scene. */
#ifndef RIG_H
#define RIG_H

#include "fake_peer.h"
#include "mediad/dcmf/dcmf.h"

#define SD 1000
#define META 1002

struct rig {
	struct transport *t;
	struct dcmf *d;
	struct nets_list nets;
	struct library *scenes;
	struct assets *assets;
	struct scripts *scripts;
	uint64_t now, next;
	char context[MRM_MAX_ID + 1];
	char last_event[512];
	unsigned events;
};

/* Folder of the applications in Lua of the rigs that start from now on. */
extern const char *rig_apps;
/* Participants from which on rates depend on distance, of the rigs that start from now on. */
extern unsigned rig_interest;
/* Scene of the bodies that rig_body() makes. */
extern const char *rig_scene_name;
/* Media transports that they allow, as dcmf_conf.transports. */
extern unsigned rig_transports;
/* webapp: folder of the bootstrap assets, NULL: none. */
void rig_start(struct rig *r, const char *webapp);
void rig_stop(struct rig *r);
/* Lets virtual time pass, running what is due. */
void rig_pass(struct rig *r, uint64_t us);

/* The body of a create with n terminations "t0", "t1"...; all known to their UEs. */
char *rig_body(unsigned n);
/* Creates one; fails the test when refused. */
void rig_create(struct rig *r, unsigned n);
/* Answer to a request: status, and the body parsed (new reference or NULL). */
int rig_post(struct rig *r, const char *body, json_t **out);
int rig_patch(struct rig *r, const char *ops, json_t **out);
json_t *rig_get(struct rig *r);
json_t *rig_scene(struct rig *r);
/* Of dcmf_get_stats(); -1: no such counter. */
json_int_t rig_counter(struct rig *r, const char *name);

struct ue {
	struct peer *peer;
	json_t *doc;
	unsigned scenes, patches, tests,
		lost; /* messages of each kind; patches that did not apply */
	size_t longest;
	bool resync; /* one did not apply: asks again */
};

/* Takes everything the DCMF has sent on the scene channel; drop: of 100 messages so many are lost.
 */
void ue_read(struct rig *r, struct ue *u, unsigned drop);
void ue_pose(struct ue *u, double time, double x, double y, double z);
/* Sends an action and takes its acknowledgement (new reference, NULL: none came). */
json_t *ue_act(struct ue *u, const char *action);
void ue_free(struct ue *u);
/* Fails the test when the UE's scene is not the server's. */
void ue_assert_same(struct rig *r, const struct ue *u);

uint64_t rig_random(void);

#endif
