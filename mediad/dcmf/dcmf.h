/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DCMF: the media contexts of one worker (TS 29.176 MediaContext, call flow steps 4, 5 and 8 to
 * 11). A context is one AR call: terminations (UEs) with their media (data channel connections),
 * one scene and one application, its own or a room's that several calls share.
 *
 * One thread: the worker's loop. No socket and no clock: datagrams leave through the handlers,
 * `now` comes in. Requests come from the parent as bytes and are answered at once.
 */
#ifndef DCMF_H
#define DCMF_H

#include "mediad/dcmf/app.h"
#include "mediad/dcmf/app_lua.h"
#include "mediad/dcmf/assets.h"
#include "mediad/dcmf/feed.h"
#include "mediad/dcmf/mrm.h"
#include "mediad/scene/library.h"
#include "mediad/transport.h"

#define DCMF_MAX_BODY (256 * 1024)
#define DCMF_MAX_REPLY (2 * SCENE_MAX_BYTES)
#define DCMF_SCTP_PORT 5000

struct dcmf_conf {
	unsigned worker, max_contexts, idle_s;
	uint16_t port; /* of this worker, on every network */
	const char *application; /* when a context names none */
	const struct nets_list *nets;
	const struct library *scenes;
	const struct assets *assets;
	struct scripts *scripts; /* applications in Lua; NULL: none */
	struct app_lua_conf script;
	struct app_conf app;
	struct stream_front_conf av; /* media of type AR */
	unsigned transports; /* of theirs: bits 1 << enum peer_media; 0: DTLS-SRTP */
	struct feed_pool armf; /* pool NULL: no media processing */
};

struct dcmf_handlers {
	/* to a UE; net: line of the networks that its medium is on */
	void (*send)(void *arg, int net, struct ar_span datagram, const struct peer_addr *to);
	/* docs/mrm.md, Events; borrowed */
	void (*event)(void *arg, const json_t *event);
	/* Something came from elsewhere than a datagram or a request: dcmf_run() is wanted. */
	void (*wake)(void *arg);
};

struct dcmf_reply {
	int status;
	struct ar_buf body; /* JSON or empty; the caller frees it */
	char context[MRM_MAX_ID + 1];
	long lease_s; /* of a created or patched context, 0: not given */
	char owner[MRM_MAX_TEXT + 1];
	char call_id[MRM_MAX_TEXT + 1], call[MRM_MAX_TEXT + 1], share[MRM_MAX_TEXT + 1];
};

struct dcmf;

/* conf's pointers must outlive it. */
int dcmf_new(struct dcmf **dp, const struct dcmf_conf *conf, struct transport *t,
	const struct dcmf_handlers *h, void *arg) __attribute__((warn_unused_result));
void dcmf_free(struct dcmf *d, uint64_t now);

void dcmf_reply_free(struct dcmf_reply *r);
void dcmf_create(struct dcmf *d, struct ar_span body, uint64_t now, struct dcmf_reply *r);
void dcmf_patch(
	struct dcmf *d, struct ar_span id, struct ar_span body, uint64_t now, struct dcmf_reply *r);
void dcmf_delete(struct dcmf *d, struct ar_span id, uint64_t now, struct dcmf_reply *r);
/* With live facts. */
void dcmf_get(struct dcmf *d, struct ar_span id, uint64_t now, struct dcmf_reply *r);
/* A picture of what a UE sends, as it goes on (docs/mrm.md): body {"termination","media"}. True:
 * done() is called later, with the PNG or a negative errno; false: *r says why not. */
typedef void dcmf_picture(void *arg, int err, struct ar_span png);
bool dcmf_snapshot(struct dcmf *d, struct ar_span id, struct ar_span body, dcmf_picture *done,
	void *arg, struct dcmf_reply *r);
void dcmf_get_scene(struct dcmf *d, struct ar_span id, struct dcmf_reply *r);

/* The wall clock (NTP, 32.32) at `now`. */
void dcmf_set_ntp(struct dcmf *d, uint64_t ntp, uint64_t now);
/* Before datagrams are handed to the transport: what they cause happens now. */
void dcmf_set_now(struct dcmf *d, uint64_t now);

/* Once at the end of every turn of the loop: sends scene updates that are due, ends idle contexts.
 * Returns when to come again. */
uint64_t dcmf_run(struct dcmf *d, uint64_t now);

/* Counters and gauges into an object, flat. */
void dcmf_get_stats(struct dcmf *d, json_t *out);
unsigned dcmf_contexts(const struct dcmf *d);
/* {"ctx","owner","callId","call","share","lease"} of each: what the parent keeps. New reference. */
json_t *dcmf_list(const struct dcmf *d);

#endif
