/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A struct lookup with one fact or more, and the calls that ask it. */
#ifndef LOOKUP_BENCH_H
#define LOOKUP_BENCH_H

#include "asd/lookup/lookup.h"

struct bench {
	struct event_base *base;
	struct lookup *l;
	struct lookup_fact_conf fact[LOOKUP_MAX_FACTS];
	unsigned nfacts, deadline_ms, cache;
	/* What came, by batch. */
	unsigned came;
	struct lookup_facts *facts; /* the last */
	uint32_t call, batch;
	uint64_t at; /* when, ar_now() */
};

void bench_init(struct bench *b);
/* Adds a fact of that kind with the settings' defaults; texts given are borrowed. */
struct lookup_fact_conf *bench_fact(struct bench *b, const char *name, const char *kind);
/* Opens it; fails the test when it cannot. */
void bench_open(struct bench *b);
/* Opens it; the error text when it cannot, which is to be freed. */
char *bench_open_error(struct bench *b);
void bench_close(struct bench *b);

/* Asks for one call of that caller and waits for the facts: the named one. */
const struct lookup_fact *bench_ask(struct bench *b, const char *caller, const char *name);
/* Only asks: 0 or -EINPROGRESS. */
int bench_begin(struct bench *b, const char *caller);
/* Runs the loop until that many have come; fails after 5 s. */
void bench_wait(struct bench *b, unsigned came);
void bench_run(struct bench *b, unsigned ms);
const struct lookup_fact *bench_named(const struct lookup_facts *f, const char *name);
/* A counter of lookup_items(). */
unsigned bench_count(const struct bench *b, const char *fact, const char *counter);
const char *bench_state(const struct bench *b, const char *fact); /* "up", "down" */

void assert_ok(const struct lookup_fact *x, const char *text);
void assert_none(const struct lookup_fact *x);
void assert_failed(const struct lookup_fact *x, const char *why);

#endif
