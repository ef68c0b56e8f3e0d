/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by app.c (participants), app_send.c (pacing), app_meta.c (poses, actions) and the
 * applications (app_shared.c); nobody else. */
#ifndef APP_INTERNAL_H
#define APP_INTERNAL_H

#include "mediad/dcmf/app.h"

struct interact_run;

struct app_channel {
	struct peer *peer; /* NULL: not open */
	uint16_t id;
	bool reliable;
};

/* Ids of actions that have been dealt with, and what came of it. */
struct app_held { /* came before the one it follows */
	uint64_t seq; /* 0: empty */
	uint64_t hash, since;
	json_t *action; /* ours */
};

struct app_log {
	unsigned n, nheld;
	uint64_t next_seq; /* 0: none has come yet */
	struct app_held held[APP_ACTION_HELD];
	struct {
		uint64_t hash; /* 0: empty */
		uint64_t rev;
		uint64_t input; /* triggers of the scene that it means */
		bool pending;
		char code[32], reason[96]; /* code "": done */
	} item[APP_ACTION_WINDOW];
};

struct app_interest { /* of one participant in another; by the other's place in the app */
	int node;
	uint64_t due; /* when its pose may be told again */
};

struct app_measure { /* over about the last second */
	uint64_t since, poses, updates; /* counters then */
	struct app_rates rates;
};

struct participant {
	struct app *app;
	char name[APP_MAX_NAME + 1], user[APP_MAX_USER + 1];
	const char *call_id;
	struct app_limits limits;
	int node; /* -1: none yet */
	bool joined, view_open, blocked;
	struct app_channel scene, meta;
	struct scene_view view;
	uint64_t slot; /* at the rate: when the next update would be due */
	uint64_t last_sent, own_due, keepalive_due, resync_due, retry_at;
	uint64_t base_rtt, rtt_at;
	unsigned keepalives; /* still to send */
	size_t last_size;
	bool resync_wanted, has_time;
	double last_time; /* poseTime */
	uint64_t last_accepted;
	uint64_t pose_due; /* with a limit: when the next pose is in time */
	bool has_held; /* the last pose came too early: it waits for pose_due */
	struct scene_pose held;
	uint64_t kbps_due; /* with a limit: when what has been sent is paid for */
	struct app_interest interest[APP_MAX_PARTICIPANTS];
	uint64_t interest_mask; /* others that this turn may tell of */
	struct app_log *log; /* from the first action on */
	struct app_stats stats;
	struct app_measure measure;
};

struct app {
	const struct app_conf *conf;
	const struct app_ops *ops;
	const char *call_id; /* for the log */
	struct app_limits limits;
	struct scene *scene;
	unsigned n, objects;
	struct participant *p[APP_MAX_PARTICIPANTS];
	struct ar_buf out;
	uint64_t now;
	app_pose_cb *pose_cb;
	void *pose_arg;
	unsigned nspare, spare[APP_MAX_PARTICIPANTS]; /* nodes of those who have left for good */
	struct app_stats gone; /* of participants that are not there any more */
	struct interact_run *interact; /* NULL: the scene has no behaviors */
	struct app_lua *lua; /* NULL: the application is C */
};

/* app_interest.c: before and after messages of one turn are made; when the next one that is held
 * back may go. */
void app_interest_begin(struct participant *p, uint64_t now);
void app_interest_end(struct participant *p, uint64_t now);
uint64_t app_interest_due(const struct participant *p);

/* app_send.c */
uint64_t app_send_due(struct participant *p, uint64_t now);
int app_send_meta(struct participant *p, const json_t *message);

/* app_action.c */
void app_action_input(struct participant *p, struct ar_span text, uint64_t now);
uint64_t app_action_due(struct participant *p, uint64_t now);
/* The UE has left: its next actions count from 1 again. */
void app_action_reset(struct participant *p);

/* app_meta.c */
/* A pose that waited for its time; when to come again. */
uint64_t app_pose_run(struct participant *p, uint64_t now);
void app_meta_input(struct participant *p, struct ar_span data, uint64_t now);

/* app_lua.c */
void app_lua_close(struct app *a);
void app_lua_count(const struct app *a, struct app_stats *sum);

/* app_shared.c */
extern const struct app_ops app_shared;

#endif
