/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts about a call that are not in its SIP messages: what a subscriber has bought, whether he is
 * barred. The operator names them in asd.conf ([fact NAME]); they are fetched before the policy
 * decides, all at the same time, and the script finds them as call.facts.NAME. A decision itself
 * does no I/O.
 *
 * GLOSSARY
 *   fact    a name, and where its value comes from: HTTP, a file, Redis
 *   value   a text; "none": the source was asked and has nothing for this call; or a failure
 *   batch   the facts of one offer, under way
 *   job     one question to one source; its answer goes to the cache also when the batch is over
 *
 * Called by the call flow; one thread, that of the event loop (a file is read by a thread of its
 * own). What strangers say (URIs) goes only into the places of a template, escaped for where they
 * stand; what sources say is bounded and must be text.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "asd/policy/policy.h"
#include "common/ar_buf.h"
#include "common/daemon/ar_conf.h"

#include <event2/event.h>

#define LOOKUP_MAX_FACTS POLICY_MAX_FACTS
#define LOOKUP_MAX_NAME 31
#define LOOKUP_MAX_VALUE 1024 /* bytes; longer ones are failures */
#define LOOKUP_MAX_REQUEST 1024 /* bytes of a template filled in */
#define LOOKUP_MAX_JOBS 512 /* of one fact under way; further ones fail at once */

/* One [fact NAME]; read by asd_conf.c, texts owned by it. */
struct lookup_fact_conf {
	char *name, *kind; /* "http" "file" "redis" */
	char *url, *pointer, *authorization_file, *ca_file; /* http */
	char *file, *party; /* file; "caller" or "callee" */
	long column; /* file */
	char *server, *command, *password_file; /* redis */
	long db; /* redis */
	long timeout_ms, ttl_s, connections;
};

extern const struct ar_conf_key lookup_keys[];
extern const unsigned lookup_nkeys;

/* Is it complete, does every setting belong to its kind, are its templates right? -EINVAL with err.
 */
int lookup_conf_check(const struct lookup_fact_conf *c, struct ar_buf *err)
	__attribute__((warn_unused_result));
void lookup_conf_free(struct lookup_fact_conf *c);

/* What a template may ask of a call; borrowed for the length of lookup_begin(). */
struct lookup_query {
	struct policy_party caller, callee, asserted;
	struct ar_span callid, source, role;
};

enum lookup_state { LOOKUP_OK, LOOKUP_NONE, LOOKUP_FAILED };

/* The facts of one call; one piece of memory, free() it. Names live as long as struct lookup. */
struct lookup_facts {
	unsigned n;
	struct lookup_fact {
		const char *name;
		enum lookup_state state;
		const char *why; /* FAILED: static text, "timeout", "late", "unreachable", ... */
		size_t len;
		const char *text; /* OK: terminated */
	} fact[LOOKUP_MAX_FACTS];
};

struct lookup_conf {
	const struct lookup_fact_conf *fact; /* checked; borrowed until lookup_free() */
	unsigned nfacts;
	unsigned deadline_ms; /* of a batch */
	unsigned cache_entries; /* of all facts together; 0: no cache */
	/* The batch is whole, or its time is over. Takes facts. Not from inside lookup_begin(). */
	void (*on_facts)(void *arg, uint32_t call, uint32_t batch, struct lookup_facts *facts);
	void *arg;
};

struct lookup;

/* Opens the sources: files are read, connections made. -errno with err when a file or a secret
 * cannot be read; a server that is down is no error. */
int lookup_new(struct lookup **lp, struct event_base *base, const struct lookup_conf *conf,
	struct ar_buf *err) __attribute__((warn_unused_result));
/* Open batches end without a word. */
void lookup_free(struct lookup *l);

/* 0: all known at once, *facts is the caller's. -EINPROGRESS: on_facts() will come with this batch,
 * within the deadline. -ENOMEM, -ENOSPC (too many batches). */
int lookup_begin(struct lookup *l, const struct lookup_query *q, uint32_t call,
	struct lookup_facts **facts, uint32_t *batch) __attribute__((warn_unused_result));

/* The stub for no facts at all and for those of a call whose look-up could not even begin. */
struct lookup_facts *lookup_facts_failed(const struct lookup *l, const char *why);

/* For kamcmd ims_ar.policy: one flat object a fact, appended to items. */
void lookup_items(const struct lookup *l, json_t *items);
/* Prometheus text. */
void lookup_print(const struct lookup *l, struct ar_buf *out);

#endif
