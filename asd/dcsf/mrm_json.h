/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nmf_MRM documents (TS 29.176, docs/mrm.md): what asd sends to a DCMF and reads from it.
 *
 * Pure functions over jansson values. Builders return a new reference or NULL (no memory, or text
 * that is not UTF-8).
 */
#ifndef MRM_JSON_H
#define MRM_JSON_H

#include "common/plan.h"
#include "common/sdp_dc.h"

#include <jansson.h>

#define MRM_MAX_CONTEXT_ID 128
#define MRM_MAX_CANDIDATES 16

/*
 * Facts: one UE's data channel as its description says, in mediad's terms, the members
 * dcMedia.remoteDcEndpoint, dcMedia.securitySetup (ours), remoteMbEndpoint, x-ims-ar.remote, as one
 * flat object {"remoteDcEndpoint","securitySetup","remoteMbEndpoint","remote"[,"streams"]}. Equal
 * facts are json_equal(). port: of the m= line. capability: enum ar_outcome's name or NULL.
 */
json_t *mrm_facts(
	const struct ar_sdp_dc *dc, uint16_t port, enum ar_setup ours, const char *capability);
/* The member "securitySetup": what we are to be, ACTPASS until it is settled. */
const char *mrm_setup_word(enum ar_setup s);
enum ar_setup mrm_setup(const char *word); /* anything but ACTIVE, NULL too: passive */
/* The member "streams": RFC 8864 names decoded; stream ids as keys. */
json_t *mrm_streams(const struct ar_dc_stream *stream, unsigned n);

struct mrm_leg {
	const char *network;
	const char *user; /* "sip:alice@ims" */
	const json_t *streams; /* of mrm_streams() */
	const json_t *facts; /* NULL: the UE has not answered */
};

struct mrm_context {
	struct mrm_leg leg[2]; /* by enum ar_side */
	const char *owner, *callid, *call, *scene, *application;
	const char *share; /* NULL or "": a scene of its own */
	unsigned lease_s;
	bool trace;
	unsigned max_kbps, max_pose_hz, max_nodes, max_participants; /* of the policy; 0: none */
};

/* The body of CreateMediaContext. */
json_t *mrm_context(const struct mrm_context *c);
/* The body of UpdateMediaContext that gives side's new facts. */
json_t *mrm_patch(enum ar_side side, const json_t *facts);
/* Adds the member "streams" to the facts of an answer that took some only of what side was offered
 * (RFC 8864 5.2.2): those of the context that are in the answer. An answer without any a=dcmap,
 * from a UE that does not know RFC 8864, says nothing about them. False: no memory. */
bool mrm_narrow_streams(
	json_t *facts, const json_t *context, enum ar_side side, const struct ar_sdp_dc *answer);

/* What mediad says about one termination; everything borrowed from the document. */
struct mrm_local {
	struct ar_span addr; /* literal address */
	bool v6;
	uint16_t port, sctp_port;
	struct ar_span ufrag, pwd, fingerprint, tls_id;
	struct ar_span candidate[MRM_MAX_CANDIDATES];
	unsigned ncandidate;
	uint64_t max_message_size;
};

/* Reads and checks side's termination of an answer. -EBADMSG with *why static text. Everything is
 * checked so that it can go into an SDP as it is: no control characters, no blanks in tokens. */
int mrm_local(const json_t *context, enum ar_side side, struct mrm_local *l, const char **why)
	__attribute__((warn_unused_result));
/* The same of a further medium; -ENOENT: it has no such one. */
int mrm_local_more(const json_t *context, enum ar_side side, const char *id, struct mrm_local *l,
	const char **why) __attribute__((warn_unused_result));
/* contextId of an answer, NULL when absent or unusable in a path. */
const char *mrm_context_id(const json_t *context);
/* `detail`, `title` or `cause` of a ProblemDetails body, flattened into buf. */
void mrm_problem(struct ar_span body, char *buf, size_t cap);
/* Whether that is its `cause`. */
bool mrm_problem_is(struct ar_span body, const char *cause);

#endif
