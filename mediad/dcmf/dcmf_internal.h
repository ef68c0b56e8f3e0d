/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by dcmf.c (table, requests), context.c (life of a context), room.c (its scene, alone or
 * with others), medium.c (one connection and its channels), facts.c (what documents say of us);
 * nobody else. */
#ifndef DCMF_INTERNAL_H
#define DCMF_INTERNAL_H

#include "mediad/dcmf/boot.h"
#include "mediad/dcmf/dcmf.h"
#include "mediad/dcmf/feed.h"

#define DCMF_BUCKETS 1024
#define DCMF_MAX_BOOTS 8 /* http channels of one medium */
#define DCMF_TLS_ID 32

struct context;
struct room;
struct termination;

struct medium_channel {
	struct peer_channel ch;
	uint64_t rx;
};

struct medium {
	struct termination *term;
	char id[MRM_MAX_ID + 1];
	int net;
	struct peer *peer;
	struct peer *fresh; /* for a patch that is being looked at; NULL: none */
	enum peer_state state;
	uint64_t made;
	char tls_id[DCMF_TLS_ID + 1], remote_ufrag[257];
	unsigned noffered, naccepted;
	uint16_t offered[AR_DC_MAX_STREAMS], accepted[AR_DC_MAX_STREAMS];
	struct medium_channel *open; /* in use, for GET */
	unsigned nopen;
	struct boot boot[DCMF_MAX_BOOTS];
	/* of type AR */
	struct stream_leg *leg;
	bool video, listens;
};

struct termination {
	struct context *ctx;
	char id[MRM_MAX_ID + 1];
	struct participant *part;
	unsigned nmedia;
	struct medium *media[MRM_MAX_MEDIAS];
};

struct context {
	struct dcmf *d;
	struct context *next; /* bucket */
	struct context *next_in_room;
	char id[MRM_MAX_ID + 1], call_id[MRM_MAX_TEXT + 1], scene[LIBRARY_MAX_NAME + 1];
	json_t *doc;
	struct room *room;
	struct app *app; /* the room's */
	struct app_limits limits;
	unsigned nterm;
	struct termination *term[MRM_MAX_TERMINATIONS];
	uint64_t made, idle_since;
	bool once_connected, traced;
	bool known; /* its client has its id: events make sense */
};

/*
 * One scene and one application, and the contexts that are in it: one context, or all those with
 * the same share, scene and application (docs/mrm.md, Shared scenes). It ends with the last one.
 */
struct room {
	struct dcmf *d;
	struct room *next; /* bucket; of shared ones */
	struct room *next_active; /* has something due */
	char share[MRM_MAX_TEXT + 1]; /* "": of one context only */
	char scene[LIBRARY_MAX_NAME + 1], application[MRM_MAX_TEXT + 1];
	char call_id[MRM_MAX_TEXT + 1]; /* of the first context: for the log */
	struct app *app;
	struct feed *feed; /* NULL: no AR medium draws its scene */
	struct context *contexts;
	unsigned ncontext;
	uint64_t due;
	bool active;
};

struct dcmf_stats {
	uint64_t created, deleted, idle_ended, refused, peers_connected, peers_lost,
		messages_unknown;
	uint64_t joined_rooms, rooms_full;
	struct app_stats ended; /* of contexts that are gone */
	struct boot_stats boot;
};

struct dcmf {
	struct dcmf_conf conf;
	struct transport *t;
	struct dcmf_handlers h;
	void *arg;
	uint64_t now, next_check;
	unsigned n;
	struct context *bucket[DCMF_BUCKETS];
	struct room *rooms[DCMF_BUCKETS];
	unsigned nrooms; /* shared ones */
	struct room *active;
	struct dcmf_stats stats;
	struct stream_front *front;
};

/* context.c */
/* The id is set. */
int context_new(struct context **cp, struct dcmf *d, const struct mrm_context *spec, json_t *doc,
	struct mrm_error *err);
void context_free(struct context *c);
int context_patch(
	struct context *c, const struct mrm_context *spec, json_t *doc, struct mrm_error *err);
struct termination *context_term(const struct context *c, struct ar_span id);
/* All its UEs have been gone for long enough. */
bool context_idle(struct context *c, uint64_t now);

/* room.c */
/* Puts c, whose ids are set, into the room that spec wants: one that is there or a new one. */
int room_enter(struct context *c, const struct mrm_context *spec, struct mrm_error *err);
/* Its terminations have gone already. */
void room_leave(struct context *c);
/* A name for a participant that nobody in the room has: id where that is free. */
void room_name(const struct room *r, const char *id, char *out, size_t cap);
/* May one participant more come in, by the limit of the context that brings it? */
int room_has_place(const struct context *c, struct mrm_error *err);
/* The feed of its scene, opened when this is asked first. -ENOSYS: no media processing. */
int context_feed(struct context *c, struct feed **out) __attribute__((warn_unused_result));
/* Nothing draws its scene any more. */
void room_end_feed(struct room *r);
/* Something may be due: dcmf_run() looks at its room at the end of the turn. */
void context_wake(struct context *c);
void room_wake(struct room *r);
/* Sums as struct app_stats has them; every member is a counter. */
void app_stats_add(struct app_stats *sum, const struct app_stats *s);
unsigned dcmf_bucket(struct ar_span id);

/* medium.c */
int medium_new(struct medium **mp, struct termination *t, const struct mrm_media *spec,
	struct mrm_error *err);
void medium_free(struct medium *m, const char *reason);
/* New facts of the UE: are they usable, and is there room? Makes a fresh peer in the place of a
 * closed one, used by medium_set_remote(), else medium_unprepare() is due. */
int medium_prepare(struct medium *m, const struct mrm_media *spec, struct mrm_error *err);
void medium_unprepare(struct medium *m);
/* After medium_prepare() only memory can be missing. */
int medium_set_remote(struct medium *m, const struct mrm_media *spec, struct mrm_error *err);
int medium_accept(struct medium *m, const struct mrm_media *spec, struct mrm_error *err);
struct medium *termination_medium(const struct termination *t, struct ar_span id);
/* Bootstrap answers that wait for room. */
bool medium_run(struct medium *m);

/* site.c: what the bootstrap channels of a termination serve */
void site_of(struct termination *t, struct boot_site *out);

/* medium_av.c: media of type AR */
int medium_av_new(struct medium *m, const struct mrm_media *spec, struct mrm_error *err);
void medium_av_free(struct medium *m);
/* What can be checked before anything changes. */
int medium_av_check(const struct medium *m, const struct mrm_media *spec, struct mrm_error *err);
void medium_av_set(struct medium *m, const struct mrm_media *spec);
void medium_av_state(struct medium *m);
void medium_av_rtp(void *arg, uint8_t *packet, size_t n, bool rtcp);
/* Media have come or gone: who is whose partner? */
void context_av_pair(struct context *c);
/* What is due; when to come again. */
uint64_t context_av_run(struct context *c, uint64_t now);
void medium_av_live(const struct medium *m, json_t *x, uint64_t now);
void dcmf_av_stats(const struct dcmf *d, json_t *out);

/* facts.c */
int facts_local(struct context *c, json_t *doc);
json_t *facts_live(struct context *c, uint64_t now);
/* For who made the context: a copy without what only the UE and we need. */
json_t *facts_answer(const json_t *doc);
/* What the client may not change: 0, or -EINVAL with *err. */
int facts_same(const json_t *before, const json_t *after, struct mrm_error *err);

#endif
