/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between lookup.c (batches, jobs, cache) and the sources. */
#ifndef LOOKUP_INT_H
#define LOOKUP_INT_H

#include "asd/lookup/cache.h"
#include "asd/lookup/lookup.h"
#include "common/ar_ids.h"

struct fact;

/* A source answers start() with exactly one lookup_done(), at any time, also from inside; none
 * after abandon(). */
struct lookup_source {
	const char *kind;
	int (*open)(struct fact *f, struct ar_buf *err);
	void (*close)(struct fact *f);
	/* At once, without a job; then there are no request, start and abandon. */
	void (*now)(struct fact *f, const struct lookup_query *q, struct lookup_fact *out);
	/* What is asked of the source for this call; also the cache's key. As template_fill(). */
	int (*request)(const struct fact *f, const struct lookup_query *q, struct ar_buf *out);
	void (*start)(struct fact *f, uint32_t job, struct ar_span request);
	void (*abandon)(struct fact *f, uint32_t job); /* its time is over */
};

extern const struct lookup_source lookup_http, lookup_file, lookup_redis;

#define LOOKUP_COUNTERS(X)                                                                         \
	X(CACHED, "cached")                                                                        \
	X(OK, "ok")                                                                                \
	X(NONE, "none")                                                                            \
	X(FAILED, "failed")                                                                        \
	X(TIMEOUT, "timeout")                                                                      \
	X(LATE, "late")                                                                            \
	X(BUSY, "busy")                                                                            \
	X(SKIPPED, "skipped")                                                                      \
	X(UNUSABLE, "unusable")

enum lookup_counter {
#define X(id, name) LOOKUP_N_##id,
	LOOKUP_COUNTERS(X)
#undef X
		LOOKUP_NCOUNTERS
};

struct fact {
	struct lookup *l;
	const struct lookup_fact_conf *conf;
	const struct lookup_source *source;
	void *state; /* the source's */
	unsigned index, jobs;
	/* After FACT_TRIES failures in a row one question a second goes out, the others fail. */
	unsigned failures;
	uint64_t down_until;
	bool probing;
	uint64_t n[LOOKUP_NCOUNTERS], asked, sum_us, max_us; /* asked, sum, max: of the source */
};

/* Failures of the server itself. */
#define LOOKUP_TIMEOUT "timeout"
#define LOOKUP_UNREACHABLE "unreachable"
#define LOOKUP_SERVER_ERROR "server error"

#define FACT_TRIES 5
#define FACT_DOWN_US 1000000

struct job {
	uint32_t id, batch;
	struct fact *fact;
	struct event *timer;
	struct ar_span key; /* in its own memory, behind the struct */
	uint64_t began;
	/* Done: waits for the loop's next turn. */
	bool done;
	struct job *next_done;
	enum lookup_state state;
	const char *why;
	char *text;
	size_t len;
};

struct batch {
	struct lookup *l;
	uint32_t id, call;
	unsigned waiting;
	struct event *timer;
	struct lookup_facts facts; /* texts are its own until it is delivered */
	bool open[LOOKUP_MAX_FACTS];
};

struct lookup {
	struct event_base *base;
	struct lookup_conf conf;
	struct evdns_base *dns; /* made when first needed */
	struct fact fact[LOOKUP_MAX_FACTS];
	struct cache cache;
	struct ar_ids jobs, batches;
	struct job *done, **done_end;
	struct event *ready; /* there are done jobs */
};

/* lookup_job.c: asks the source of slot i of a batch. */
void lookup_job_start(struct batch *b, unsigned i, struct ar_span key);
void lookup_job_free(struct lookup *l, struct job *j);
/* The event of l->ready. */
void lookup_on_ready(evutil_socket_t fd, short what, void *arg);
/* lookup.c: slot i of the batch is known, which may end the batch. text is copied. */
void lookup_batch_set(
	struct batch *b, unsigned i, enum lookup_state state, const char *why, struct ar_span text);

/* why: static text. text is copied; one that is no plain text, or too long, is a failure. A stale
 * job is nothing. */
void lookup_done(struct lookup *l, uint32_t job, enum lookup_state state, const char *why,
	struct ar_span text);
/* NULL, or why it is not fit to be a fact: static text. */
const char *lookup_text_bad(struct ar_span text);
/* A secret from a file: its first line, malloc'd. */
int lookup_read_secret(const char *path, char **secret, struct ar_buf *err)
	__attribute__((warn_unused_result));
struct timeval lookup_tv(uint64_t ms);
/* The resolver, made when first asked for; NULL: no memory. */
struct evdns_base *lookup_dns(struct lookup *l);

/* An HTTP URL of the configuration in its pieces; spans into it. */
struct lookup_url {
	bool tls;
	char host[256];
	uint16_t port;
	struct ar_span path; /* begins with '/'; may be empty */
};
/* "address:port", "unix:/path" (then path). */
int lookup_parse_server(struct lookup_url *u, const char *text) __attribute__((warn_unused_result));
int lookup_parse_url(struct lookup_url *u, const char *text, char *why, size_t cap)
	__attribute__((warn_unused_result));

#endif
