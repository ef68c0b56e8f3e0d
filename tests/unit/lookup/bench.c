/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void on_facts(void *arg, uint32_t call, uint32_t batch, struct lookup_facts *facts)
{
	struct bench *b = arg;

	assert_non_null(facts);
	free(b->facts);
	b->facts = facts;
	b->call = call;
	b->batch = batch;
	b->at = ar_now();
	b->came++;
}

void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	signal(SIGPIPE, SIG_IGN); /* as asd */
	ar_log_init("test", getenv("LOOKUP_TEST_LOG") ? AR_LOG_DEBUG : AR_LOG_ERR);
	b->base = event_base_new();
	b->deadline_ms = 10000;
	b->cache = 64;
	assert_non_null(b->base);
}

struct lookup_fact_conf *bench_fact(struct bench *b, const char *name, const char *kind)
{
	struct lookup_fact_conf *c = &b->fact[b->nfacts++];

	assert_true(b->nfacts <= LOOKUP_MAX_FACTS);
	*c = (struct lookup_fact_conf){.name = (char *)(uintptr_t)name,
		.kind = (char *)(uintptr_t)kind,
		.party = (char *)(uintptr_t) "caller",
		.timeout_ms = 5000, /* tests of being late have their own */
		.ttl_s = 60,
		.connections = 4};
	return c;
}

static int open_it(struct bench *b, struct ar_buf *err)
{
	struct lookup_conf lc = {.fact = b->fact,
		.nfacts = b->nfacts,
		.deadline_ms = b->deadline_ms,
		.cache_entries = b->cache,
		.on_facts = on_facts,
		.arg = b};

	for (unsigned i = 0; i < b->nfacts; i++) {
		if (lookup_conf_check(&b->fact[i], err) != 0)
			return -EINVAL;
	}
	return lookup_new(&b->l, b->base, &lc, err);
}

void bench_open(struct bench *b)
{
	struct ar_buf err;

	ar_buf_init(&err, 4096);
	if (open_it(b, &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p ? err.p : "");
	ar_buf_free(&err);
}

char *bench_open_error(struct bench *b)
{
	struct ar_buf err;
	char *text;

	ar_buf_init(&err, 4096);
	assert_int_not_equal(open_it(b, &err), 0);
	text = strndup(err.p ? err.p : "", err.n);
	ar_buf_free(&err);
	return text;
}

void bench_close(struct bench *b)
{
	lookup_free(b->l);
	free(b->facts);
	event_base_free(b->base);
	memset(b, 0, sizeof(*b));
}

int bench_begin(struct bench *b, const char *caller)
{
	struct lookup_query q = {.callid = AR_SPAN("1@x")};
	struct lookup_facts *facts = NULL;
	uint32_t batch = 0;
	int err;

	policy_party_set(&q.caller, ar_span_str(caller));
	policy_party_set(&q.callee, AR_SPAN("sip:bob@ims.example"));
	err = lookup_begin(b->l, &q, 7, &facts, &batch);
	if (err == 0)
		on_facts(b, 7, 0, facts);
	else
		assert_int_equal(err, -EINPROGRESS);
	return err;
}

void bench_wait(struct bench *b, unsigned came)
{
	uint64_t until = ar_now() + 60 * AR_SEC;

	while (b->came < came) {
		bench_run(b, 5);
		if (ar_now() > until)
			fail_msg("%u of %u came", b->came, came);
	}
}

void bench_run(struct bench *b, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	event_base_loopexit(b->base, &tv);
	event_base_dispatch(b->base);
}

const struct lookup_fact *bench_named(const struct lookup_facts *f, const char *name)
{
	for (unsigned i = 0; i < f->n; i++) {
		if (strcmp(f->fact[i].name, name) == 0)
			return &f->fact[i];
	}
	fail_msg("no fact %s", name);
	return NULL;
}

const struct lookup_fact *bench_ask(struct bench *b, const char *caller, const char *name)
{
	unsigned before = b->came;

	(void)bench_begin(b, caller);
	bench_wait(b, before + 1);
	return bench_named(b->facts, name);
}

static const char *item(const struct bench *b, json_t *items, const char *fact, const char *key)
{
	json_t *o;
	size_t i;

	lookup_items(b->l, items);
	json_array_foreach(items, i, o)
	{
		if (strcmp(json_string_value(json_object_get(o, "fact")), fact) == 0)
			return json_string_value(json_object_get(o, key));
	}
	fail_msg("no fact %s", fact);
	return NULL;
}

unsigned bench_count(const struct bench *b, const char *fact, const char *counter)
{
	json_t *items = json_array();
	const char *text = item(b, items, fact, counter);
	unsigned n = text ? (unsigned)atoi(text) : 0;

	json_decref(items);
	return n;
}

const char *bench_state(const struct bench *b, const char *fact)
{
	json_t *items = json_array();
	bool up = strcmp(item(b, items, fact, "state"), "up") == 0;

	json_decref(items);
	return up ? "up" : "down";
}

void assert_ok(const struct lookup_fact *x, const char *text)
{
	if (x->state != LOOKUP_OK)
		fail_msg("%s: state %d (%s), not '%s'", x->name, (int)x->state,
			x->why ? x->why : "", text);
	assert_string_equal(x->text, text);
	assert_int_equal(x->len, strlen(text));
}

void assert_none(const struct lookup_fact *x)
{
	if (x->state != LOOKUP_NONE)
		fail_msg("%s: state %d (%s)", x->name, (int)x->state, x->why ? x->why : "");
}

void assert_failed(const struct lookup_fact *x, const char *why)
{
	assert_int_equal(x->state, LOOKUP_FAILED);
	assert_string_equal(x->why, why);
	assert_null(x->text);
}
