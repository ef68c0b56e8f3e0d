/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a decision costs: the default policy with all limits on beside the same without any, and a
 * reload. One line. Arguments: rounds (20000).
 */
#include "asd/policy/policy.h"

#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Wall time: reading it does not enter the kernel. */
static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct policy *load(const char *script, bool off)
{
	struct policy_conf conf = {
		.script = script, .lib_dir = SRC_DIR "/lua/ar", .limits = {.off = off}};
	struct policy *p = NULL;
	struct ar_buf err;

	ar_buf_init(&err, 4096);
	if (policy_load(&p, &conf, &err) != 0) {
		fprintf(stderr, "%.*s\n", (int)err.n, err.p);
		exit(1);
	}
	ar_buf_free(&err);
	return p;
}

static void make_call(struct policy_call *c)
{
	static const struct policy_media media[] = {
		{AR_SPAN("audio"), AR_SPAN("RTP/AVP"), AR_SDP_AUDIO, true},
		{AR_SPAN("video"), AR_SPAN("RTP/AVP"), AR_SDP_VIDEO, true},
		{AR_SPAN("application"), AR_SPAN("UDP/DTLS/SCTP"), AR_SDP_DATACHANNEL, true}};
	static const struct ar_dc_stream channels[] = {{.id = 1000,
							       .ordered = true,
							       .max_retr = -1,
							       .max_time = -1,
							       .subprotocol = AR_SPAN("mpeg-sd")},
		{.id = 1002,
			.max_retr = 0,
			.max_time = -1,
			.subprotocol = AR_SPAN("3gpp-ar-metadata")}};

	*c = (struct policy_call){.callid = AR_SPAN("a84b4c76e66710@pc33.ims.example"),
		.role = AR_SPAN("originating"),
		.initial = true,
		.cls = AR_CLASS_AR,
		.media = media,
		.nmedia = 3,
		.channels = channels,
		.nchannels = 2,
		.source = AR_SPAN("192.0.2.7:5060")};
	policy_party_set(&c->caller, AR_SPAN("sip:alice@ims.example"));
	policy_party_set(&c->callee, AR_SPAN("sip:bob@ims.example"));
}

struct figures {
	double median, p99;
};

static struct figures measure(const char *script, bool off, int rounds)
{
	struct policy *p = load(script, off);
	struct policy_gen *gen = policy_pin(p);
	double *t = calloc((size_t)rounds, sizeof(*t)), t0;
	struct policy_verdict v;
	struct policy_call c;
	struct figures f;
	int i;

	make_call(&c);
	for (i = 0; i < rounds; i++) {
		t0 = now_us();
		policy_decide(gen, &c, &v);
		t[i] = now_us() - t0;
	}
	if (v.action != POLICY_AR) {
		fprintf(stderr, "not an AR call: %s\n", v.error);
		exit(1);
	}
	qsort(t, (size_t)rounds, sizeof(*t), by_value);
	f = (struct figures){t[rounds / 2], t[rounds * 99 / 100]};
	free(t);
	policy_unpin(gen);
	policy_free(p);
	return f;
}

static double measure_reload(const char *script, int rounds)
{
	struct policy *p = load(script, false);
	struct ar_buf err;
	double t0 = now_us();
	int i;

	ar_buf_init(&err, 4096);
	for (i = 0; i < rounds; i++)
		if (policy_reload(p, &err) != 0)
			exit(1);
	t0 = now_us() - t0;
	ar_buf_free(&err);
	policy_free(p);
	return t0 / rounds;
}

/* What reading the clock twice adds to each figure. */
static double clock_cost(void)
{
	double t0 = now_us(), t = t0;
	int i;

	for (i = 0; i < 1000; i++)
		t = now_us();
	return (t - t0) / 1000;
}

int main(int argc, char **argv)
{
	static const char script[] = SRC_DIR "/lua/default.lua";
	int rounds = argc > 1 ? atoi(argv[1]) : 20000;
	struct figures on, off;
	double cost = clock_cost();

	ar_log_init("bench_policy", AR_LOG_ERR);
	if (rounds < 100)
		rounds = 100;
	off = measure(script, true, rounds);
	on = measure(script, false, rounds);
	printf("bench policy: decide median %.2f us with limits, %.2f us without (p99 %.1f us); "
	       "reload %.0f us\n",
		on.median - cost, off.median - cost, on.p99, measure_reload(script, 200));
	return 0;
}
