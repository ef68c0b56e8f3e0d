/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operator's policy: a Lua 5.4 script that decides each call (docs/policy.md).
 *
 * Policy decides on plain data, asd acts: policy_decide() is given a call as borrowed data, returns
 * a verdict as copied data, does no I/O and never yields. Time, memory and instructions are
 * limited; whatever the script does, the caller gets an answer, in the worst case the configured
 * fallback.
 *
 * GLOSSARY
 *   policy      the running thing: configuration, counters, the current generation
 *   generation  one sandboxed Lua state with one version of the script and its lists; pinned by
 *               each call from its INVITE to its end, so a reload never changes a call's rules
 *   verdict     what is to happen to a call; answer: what the callee's answer changes in that
 *   rule        name, match, action; the first final action ends the evaluation
 *
 * Called by asd's call flow (call, answer, end) and admin (reload, items). One thread: that of the
 * event loop. policy_build() alone may run in another one, each generation is independent.
 */
#ifndef POLICY_H
#define POLICY_H

#include "common/ar_buf.h"
#include "common/ar_span.h"
#include "common/plan.h"
#include "common/recognise.h"
#include "common/sdp_dc.h"

#include <jansson.h>
#include <stdint.h>

#define POLICY_API_VERSION 1 /* ar.new(name, { api = 1 }); a script for a newer one is refused */

#define POLICY_MAX_STEPS 16
#define POLICY_MAX_HEADERS 8
#define POLICY_MAX_NAME 64 /* rule, scene, application, DCMF; with the terminator */
#define POLICY_MAX_TEXT 256
#define POLICY_MAX_ERROR 1024
#define POLICY_MAX_RULES 256 /* per hook */
#define POLICY_MAX_MEDIA AR_SDP_MAX_MEDIA
#define POLICY_MAX_CHANNELS AR_DC_MAX_STREAMS
#define POLICY_MAX_DCMFS 64 /* more are not shown to the script */
#define POLICY_MAX_FACTS 16
#define POLICY_MAX_RECORD 16

enum policy_result {
	POLICY_OK, /* the script's verdict: plain or ar */
	POLICY_DENIED, /* the script's verdict: deny, falling off the end included */
	POLICY_TIMEOUT, /* CPU time or instructions; fallback */
	POLICY_NOMEM, /* memory; fallback */
	POLICY_ERROR, /* the script raised an error; fallback */
	POLICY_BADVERDICT, /* what it returned is not a verdict; fallback */
	POLICY_RESULTS
};

enum policy_action { POLICY_PLAIN, POLICY_DENY, POLICY_AR };
enum policy_party_id { POLICY_CALLER, POLICY_CALLEE, POLICY_PARTIES };
enum policy_hook {
	POLICY_HOOK_CALL,
	POLICY_HOOK_ANSWER,
	POLICY_HOOK_CHANGE,
	POLICY_HOOK_END,
	POLICY_HOOKS
};

/* Capabilities of a party, from the feature tags of its Contact (TS 26.264 clause 7, RFC 5688). */
enum policy_cap {
	POLICY_CAP_DC = 1 << 0, /* "datachannel" */
	POLICY_CAP_AR_CAPABLE = 1 << 1, /* "ar-capable": renders AR media itself */
	POLICY_CAP_AR_ASSISTED = 1 << 2, /* "ar-assisted": needs network rendering */
	POLICY_CAP_AVATAR = 1 << 3, /* "avatar" */
};

struct policy_limits {
	size_t memory; /* bytes per generation; 0: 4 MiB */
	unsigned cpu_ms; /* thread CPU time per decision; 0: 20 */
	unsigned load_cpu_ms; /* while a script loads and tests itself; 0: 250 */
	uint64_t instructions; /* VM instructions per decision; 0: 1,000,000 */
	size_t list_entries; /* of all lists of a generation; 0: 1,000,000 */
	size_t list_bytes; /* 0: 64 MiB */
	bool off; /* no limit at all: only to compare with, in benchmarks */
};

/* Strings are borrowed by policy_load() only while it runs; it copies them. */
struct policy_conf {
	const char *script; /* /etc/ims-ar/policy.lua */
	const char *lib_dir; /* the folder whose files are required as ar.*; NULL: as installed */
	struct policy_limits limits;
	enum policy_action fallback; /* PLAIN or DENY */
	int fallback_code; /* for DENY: 400..699; 0: 503 */
	/* Names of the facts that are configured: a policy that asks for another one is refused.
	 * Not known where a policy is looked at without asd's configuration. */
	char fact[POLICY_MAX_FACTS][64];
	unsigned nfacts;
	bool facts_known;
	/* So for the DCMFs, that act.accept may name. */
	char dcmf[POLICY_MAX_DCMFS][64];
	unsigned ndcmfs;
	/* A script has filled its memory, and loading it takes longer than calls may wait: load it
	 * anew in another thread, later. Called within a decision; NULL: it is tried again at the
	 * next. */
	void (*full)(void *user);
	void *full_user;
};

/* ---- what the script sees; everything borrowed for the length of one function call ---- */

struct policy_party {
	struct ar_span uri; /* "sip:alice@ims.example", "tel:+49..." */
	struct ar_span user; /* "alice", "+49..." */
	struct ar_span host; /* "ims.example", absent for tel: */
	unsigned caps; /* enum policy_cap; the callee's only where known before its answer */
	unsigned registered; /* enum policy_cap of its registration, where that is known */
};

struct policy_media {
	struct ar_span media, proto; /* "audio", "RTP/AVP" */
	enum ar_sdp_kind kind;
	bool live; /* port is not 0 */
};

struct policy_dcmf {
	struct ar_span name;
	bool healthy;
	unsigned load; /* per cent */
	unsigned calls;
};

/* A fact the operator has named, fetched before the decision. One that the source does not have for
 * this call is left out. */
struct policy_fact {
	struct ar_span name;
	struct ar_span value; /* absent: the look-up failed */
	struct ar_span why; /* it failed: "timeout", "late", "unreachable", ... */
};

struct policy_call {
	struct ar_span callid;
	struct policy_party caller, callee;
	struct ar_span asserted; /* P-Asserted-Identity, absent if none */
	struct ar_span role; /* "originating" "terminating" */
	enum ar_side side; /* who makes this offer; B only in a change */
	bool initial; /* false: a change inside the dialog (re-INVITE, UPDATE) */
	enum ar_class cls;
	unsigned reasons; /* enum ar_reason */
	const struct policy_media *media;
	unsigned nmedia;
	const struct ar_dc_stream *channels; /* of the offered data channel sections */
	unsigned nchannels;
	struct ar_span req_app; /* a=3gpp-req-app, absent if none */
	struct ar_span source; /* "192.0.2.7:5060" */
	unsigned calls_of_caller; /* AR calls the caller has now, this one not counted */
	unsigned calls_total; /* AR calls of this asd now */
	int hour, minute, weekday; /* local time; weekday 1 Monday .. 7 Sunday (ISO 8601) */
	const struct policy_dcmf *dcmfs;
	unsigned ndcmfs;
	const struct policy_fact *facts;
	unsigned nfacts;
};

/* ---- what the script has decided; copied, bounded, terminated ---- */

/* Media processing by the ARMF (steps 12 and 13). */
struct policy_step {
	enum policy_party_id party; /* for whom it is done */
	char media[16]; /* "video" "audio" */
	char by[16]; /* "armf" */
	char op[32]; /* "overlay" "split-render" "relay" ... */
	char codec[16]; /* "" the ARMF's choice */
	unsigned max_kbps; /* 0: no limit */
};

/* Name is a token, value has no control characters; never a header SIP routing depends on. */
struct policy_header {
	char name[POLICY_MAX_NAME];
	char value[POLICY_MAX_TEXT];
};

/* 0: no limit of the policy's. */
struct policy_call_limits {
	unsigned max_seconds; /* of the AR part of the call */
	unsigned max_kbps; /* scene traffic per UE */
	unsigned max_pose_hz; /* poses taken per UE */
	unsigned max_nodes; /* scene nodes */
	unsigned max_participants; /* of a shared scene */
};

struct policy_verdict {
	enum policy_action action;
	int code; /* DENY only */
	char reason[POLICY_MAX_TEXT];
	char rule[POLICY_MAX_NAME]; /* the one that ended it; "(fallback)" or "(no rule)" */
	char scene[POLICY_MAX_NAME], application[POLICY_MAX_NAME]; /* "": asd's default */
	char dcmf[POLICY_MAX_NAME]; /* "" or "least-loaded", "nearest", or a name */
	char network[POLICY_PARTIES][32]; /* "": asd's default */
	char share[POLICY_MAX_NAME]; /* calls with the same are in one scene; "": alone */
	int full; /* the code that a call gets when it is full; 0: it goes on as an ordinary one */
	unsigned nsteps;
	struct policy_step step[POLICY_MAX_STEPS];
	unsigned nheaders;
	struct policy_header header[POLICY_MAX_HEADERS];
	struct policy_call_limits limits;
	bool trace; /* debug log for this call in asd and mediad */
	uint64_t generation;
	char error[POLICY_MAX_ERROR]; /* of a fallback: why, with rule and traceback */
};

/* What the callee's answer changes, evaluated beforehand for each enum ar_outcome. */
struct policy_answer {
	bool keep_a; /* the caller keeps its data channel though the callee has none */
	char rule[POLICY_MAX_NAME];
	unsigned nsteps; /* the verdict's own steps first, then those of the answer rules */
	struct policy_step step[POLICY_MAX_STEPS];
	char error[POLICY_MAX_ERROR];
};

/* A call's end as the script sees it, beside the call itself. */
struct policy_end {
	struct ar_span reason, rule, scene; /* "bye" "failed" "cancelled" ..., as in the verdict */
	uint64_t seconds, poses, actions, updates;
	enum policy_action action;
};

/* What the script wants in the call record. */
struct policy_record {
	unsigned n;
	struct {
		char name[POLICY_MAX_NAME], value[POLICY_MAX_TEXT];
	} field[POLICY_MAX_RECORD];
};

struct policy;
struct policy_gen;

/*
 * Reads the script, its libraries and lists, and tests it. On failure *pp is untouched and err has
 * "policy.lua:12: what", ready for the operator: asd refuses to start. 0, -ENOENT, -EINVAL (the
 * script), -ENOMEM.
 */
int policy_load(struct policy **pp, const struct policy_conf *conf, struct ar_buf *err)
	__attribute__((warn_unused_result));
/* Every generation must have been unpinned. */
void policy_free(struct policy *p);

/* A new generation from the files as they are now. On any failure the old one stays, and err says
 * why. Pinned generations live on until unpinned. */
int policy_reload(struct policy *p, struct ar_buf *err) __attribute__((warn_unused_result));
/* The two halves of policy_reload(); the first may run in another thread, nothing else meanwhile
 * changes p's configuration. policy_swap() takes over the generation. */
int policy_build(const struct policy *p, struct policy_gen **genp, struct ar_buf *err)
	__attribute__((warn_unused_result));
void policy_swap(struct policy *p, struct policy_gen *gen);
/* What came of them, for the counters. */
void policy_count_reload(struct policy *p, bool ok);

/* The current generation, kept until unpinned. Never NULL. */
struct policy_gen *policy_pin(struct policy *p);
void policy_unpin(struct policy_gen *gen); /* NULL is fine */
uint64_t policy_generation(const struct policy_gen *gen);

/* v is always filled in. A result other than OK and DENIED is logged and counted here. */
enum policy_result policy_decide(
	struct policy_gen *gen, const struct policy_call *call, struct policy_verdict *v);
/* v: the verdict of this call. On failure the answer is the default: v's steps, keep_a false. */
enum policy_result policy_on_answer(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, enum ar_outcome outcome, struct policy_answer *a);
/* For every outcome; right behind policy_decide(), with which they share its time. The first
 * failure, if any. */
enum policy_result policy_on_answers(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, struct policy_answer a[AR_OUTCOMES]);
/* Has the script an end hook? */
bool policy_has_end(const struct policy_gen *gen);
/* rec is empty when the script has no end hook or fails. */
enum policy_result policy_on_end(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_end *end, struct policy_record *rec);

/* For kamcmd ims_ar.policy: array of flat objects, one for each generation still in use, followed
 * by its rules with hit counts. New reference; NULL: no memory. */
json_t *policy_items(const struct policy *p);

struct policy_stats {
	uint64_t result[POLICY_RESULTS]; /* of all hooks and generations */
	uint64_t reloads, reload_failures;
	unsigned generations; /* alive */
};
void policy_get_stats(const struct policy *p, struct policy_stats *st);

/* Fills in uri, user and host from a SIP or tel URI without <> (RFC 3261 25.1, RFC 3966); the spans
 * point into it. Leaves caps. */
void policy_party_set(struct policy_party *p, struct ar_span uri);
/* Capabilities out of the recogniser's reasons. */
unsigned policy_caps(unsigned reasons);
const char *policy_result_name(enum policy_result r); /* "ok" "denied" "timeout" "nomem" ... */
const char *policy_action_name(enum policy_action a); /* "plain" "deny" "ar" */

#endif
