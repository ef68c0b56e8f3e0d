/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AR call application of one context: its scene, its participants, and what passes between them
 * on the data channels (call flow steps 8 to 11; docs/messages.md). Behaviour is a table of
 * handlers, struct app_ops: C today, a script's later. The pose path does not pass through the
 * table.
 *
 * One thread: the worker's loop. Owned by its context (dcmf.h), which calls in from the peers'
 * handlers; nothing is freed inside one. Times are microseconds, monotonic.
 */
#ifndef APP_H
#define APP_H

#include "mediad/dcmf/meta.h"
#include "mediad/peer.h"
#include "mediad/scene/scene.h"

#define APP_MAX_PARTICIPANTS 64
#define APP_MAX_NAME 64
#define APP_MAX_USER 256
#define APP_MAX_OBJECTS 200 /* that participants may add */
#define APP_ACTION_WINDOW 256 /* ids remembered per participant */
#define APP_ACTION_HELD 64 /* that wait for the one before them */
#define APP_ACTION_GAP (20 * 1000000) /* us they wait at most */
#define APP_MAX_ACTION 8192 /* bytes of one action */
#define APP_KEEPALIVES 3 /* test-only patches after the last change */
#define APP_BULK_UNACKED 131072 /* bytes of a whole scene on the way at a time */
#define APP_RESYNC_MIN 500000 /* between two whole scenes for the asking */
#define APP_STALE_RESET                                                                            \
	1000000 /* no pose accepted for this long: the UE's clock may start anew                   \
		 */

struct app;
struct participant;

/* Message types of the metadata channel; what a configuration may extend (docs/messages.md). */
#define APP_MAX_TYPES 16
enum app_type { APP_TYPE_NONE, APP_TYPE_POSE, APP_TYPE_ACTION, APP_TYPE_RESYNC };
struct app_types {
	unsigned n;
	struct {
		char urn[96];
		enum app_type type;
	} item[APP_MAX_TYPES];
};
/* list: comma separated. -E2BIG. */
int app_types_add(struct app_types *t, const char *list, enum app_type type)
	__attribute__((warn_unused_result));

/* Of the policy, for one call (x-ims-ar.limits, docs/mrm.md); 0: none. */
struct app_limits {
	unsigned kbps; /* scene messages to one UE */
	unsigned pose_hz; /* poses of one UE that reach the scene */
	unsigned nodes; /* that the scene may grow to */
	unsigned participants; /* in one scene, those of other calls counted */
};

struct app_conf {
	unsigned update_hz, own_hz;
	unsigned interest_from; /* participants from which on rates depend on distance; 0: never */
	struct app_types types;
};

/* A user's action, already decoded (docs/messages.md). Spans and JSON are valid during the call. */
struct app_action {
	struct ar_span id, name;
	uint64_t hash; /* of the id */
	const json_t *body;
};

/* Why an action was refused; sent to the UE and remembered with its id. */
struct app_refusal {
	bool pending; /* app_action_done() comes later */
	char code[32]; /* "": it was done */
	char reason[96];
};

struct app_ops {
	const char *name;
	int (*on_join)(struct app *a, struct participant *p);
	void (*on_leave)(struct app *a, struct participant *p);
	void (*on_action)(struct app *a, struct participant *p, const struct app_action *act,
		struct app_refusal *no);
	/* A typed message on the metadata channel that is none of the table's; may be NULL. True
	 * when it was taken. */
	bool (*on_message)(
		struct app *a, struct participant *p, struct ar_span type, struct ar_span body);
	/* Whatever is due; returns when to come again. May be NULL. */
	uint64_t (*run)(struct app *a, uint64_t now);
};
const struct app_ops *app_ops_find(struct ar_span name); /* NULL: no such application */

struct app_stats { /* of one participant; app_total() sums */
	uint64_t poses, poses_of_frames, poses_bad, poses_stale, poses_range, poses_quaternion,
		poses_not_finite;
	uint64_t actions, actions_refused, actions_repeated;
	uint64_t actions_held, actions_skipped, actions_no_room;
	uint64_t updates, scenes, keepalives, update_bytes, scene_bytes, resyncs;
	uint64_t poses_limited, kbps_waits;
	uint64_t meta_bad, meta_unknown, meta_too_big, meta_sent, send_failed, scene_misfit;
	uint64_t overflows; /* reliable channels closed because the UE does not read */
	/* of the application's script; in app_total() only */
	uint64_t script_handlers, script_errors, script_timeouts, script_nomem, script_dropped;
	uint64_t script_slices, script_stopped;
	/* of the scene's behaviors; in app_total() only */
	uint64_t behaviors, behavior_actions, behavior_dropped;
	uint64_t at_scene, at_first_pose, at_first_update; /* 0: not yet */
};

/* scene is taken over, also on failure. conf must outlive the app. */
int app_new(struct app **ap, const struct app_conf *conf, const struct app_ops *ops,
	struct scene *scene) __attribute__((warn_unused_result));
void app_free(struct app *a);
/* Call-ID for the log; borrowed, must outlive the app. */
void app_set_call(struct app *a, const char *call_id);

void app_set_limits(struct app *a, const struct app_limits *l);
/* May the scene have one node more? */
bool app_room_for_node(const struct app *a);

/* A termination, whether its UE is there yet or not. -ENOSPC at APP_MAX_PARTICIPANTS. */
int app_add(struct app *a, const char *name, const char *user, struct participant **pp)
	__attribute__((warn_unused_result));
/* Whose call it is (for the log; borrowed, must outlive the participant), and that call's limits of
 * one UE; without this it is the app's. */
void app_participant_of(
	struct participant *p, const char *call_id, const struct app_limits *limits);
unsigned app_participants(const struct app *a);
bool app_has_participant(const struct app *a, const char *name);
/* Gone for good. */
void app_remove(struct app *a, struct participant *p, uint64_t now);

/* Every sane pose, late ones too, with the place in the scene's terms (the node's own position when
 * the UE told none). On the hot path; cb NULL: nobody. */
typedef void app_pose_cb(void *arg, const struct participant *p, const struct meta_pose *m,
	const struct scene_pose *pose, uint64_t now);
void app_set_pose_cb(struct app *a, app_pose_cb *cb, void *arg);

/* From the peers' handlers. */
void app_on_channel(
	struct participant *p, struct peer *peer, const struct peer_channel *ch, uint64_t now);
void app_on_channel_closed(struct participant *p, struct peer *peer, uint16_t id, uint64_t now);
void app_on_peer_closed(struct participant *p, struct peer *peer, uint64_t now);
/* True when the message was for the application. */
bool app_on_message(
	struct participant *p, struct peer *peer, uint16_t id, struct ar_span data, uint64_t now);
void app_on_writable(struct participant *p, struct peer *peer);

/* Sends what is due; returns when to come again, AR_NEVER: nothing waits. */
uint64_t app_run(struct app *a, uint64_t now);

/* How a pending action of the participant ended; hash names it (app_ops.on_action). */
void app_action_done(
	struct participant *p, uint64_t hash, const json_t *id, const struct app_refusal *no);

/* Of a participant, over the last second or a little more. */
struct app_rates {
	double pose_hz, update_hz; /* poses that reached the scene; messages of changes to it */
	uint64_t revision; /* that it was told last; 0: nothing yet */
};
void app_participant_rates(struct participant *p, uint64_t now, struct app_rates *out);

struct scene *app_scene(struct app *a);
const struct app_stats *app_participant_stats(const struct participant *p);
const char *app_participant_name(const struct participant *p);
const char *app_participant_user(const struct participant *p); /* SIP URI or "" */
bool app_participant_joined(const struct participant *p);
void app_total(const struct app *a, struct app_stats *sum);
unsigned app_joined(const struct app *a);

#endif
