/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nmf_MRM documents (TS 29.176, docs/mrm.md) read into structs, strictly: every member is checked
 * for type, length and sense, and the first mistake is told with its place. DC2. Pure, any thread.
 */
#ifndef MRM_H
#define MRM_H

#include "common/ar_buf.h"
#include "mediad/armf/front/stream.h"
#include "mediad/dcmf/app.h"
#include "mediad/nets.h"
#include "mediad/peer.h"

#include <jansson.h>

#define MRM_MAX_TERMINATIONS 64
#define MRM_MAX_MEDIAS 4 /* of one termination */
#define MRM_MAX_ID 64
#define MRM_MAX_TEXT 256 /* user, callId, owner, names */
#define MRM_MAX_STREAM_ID (PEER_MAX_STREAMS - 1)

enum mrm_type { MRM_DC, MRM_AR };

struct mrm_av { /* an m-line of audio or video */
	enum peer_media transport;
	struct stream_conf conf;
	struct peer_keys keys; /* SDES-SRTP */
};

struct mrm_media {
	enum mrm_type type;
	char path[100]; /* where it stands, for errors */
	struct mrm_av *av; /* AR; freed with the context */
	struct ar_span id;
	int network; /* index into the networks: the line that is advertised */
	enum ar_setup setup;
	unsigned nchannel;
	struct peer_channel channel[AR_DC_MAX_STREAMS];
	bool has_remote;
	struct peer_remote remote; /* spans borrow from the document */
};

struct mrm_termination {
	struct ar_span id, user, capability;
	unsigned nmedia;
	struct mrm_media media[MRM_MAX_MEDIAS];
};

struct mrm_context {
	struct ar_span owner, call_id, call, scene, application, share;
	bool trace;
	struct app_limits limits;
	long lease_s; /* 0: not given */
	unsigned nterm;
	struct mrm_termination *term;
};

/* Becomes a ProblemDetails (TS 29.571 5.2.4.1). */
struct mrm_error {
	int status;
	const char *cause;
	char param[128]; /* JSON Pointer; "" for none */
	char detail[300];
};

/* Spans borrow from doc. 0; -EINVAL or -ENOMEM with *err. Freed with mrm_free(). */
int mrm_read(struct mrm_context *c, const json_t *doc, const struct nets_list *nets,
	struct mrm_error *err) __attribute__((warn_unused_result));
void mrm_free(struct mrm_context *c);

/* ProblemDetails as JSON text. */
int mrm_problem(const struct mrm_error *err, struct ar_buf *out);
void mrm_fail(struct mrm_error *err, int status, const char *cause, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
