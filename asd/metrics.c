/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/metrics.h"
#include "asd/asd.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "asd/lookup/lookup.h"
#include "asd/policy/policy.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>

#define METRICS_MAX (1024 * 1024)
#define IDLE_S 10

struct metrics {
	struct asd *asd;
	struct evhttp *http;
	struct evconnlistener *listener; /* http's */
	struct event *tick;
};

static void gauge(struct ar_buf *out, const char *name, const char *help, unsigned long long n)
{
	ar_buf_printf(out, "# HELP asd_%s %s\n# TYPE asd_%s gauge\nasd_%s %llu\n", name, help, name,
		name, n);
}

static void print_policy(const struct asd *a, struct ar_buf *out)
{
	struct policy_stats st;

	if (!a->policy)
		return;
	policy_get_stats(a->policy, &st);
	ar_buf_add_str(out, "# HELP asd_policy_results_total decisions by result\n"
			    "# TYPE asd_policy_results_total counter\n");
	for (int i = 0; i < POLICY_RESULTS; i++)
		ar_buf_printf(out, "asd_policy_results_total{result=\"%s\"} %llu\n",
			policy_result_name((enum policy_result)i),
			(unsigned long long)st.result[i]);
	gauge(out, "policy_generations", "policies alive", st.generations);
}

void metrics_print(const struct asd *a, struct ar_buf *out)
{
	unsigned conns = 0, modules = 0;

	if (a->front)
		front_counts(a->front, &conns, &modules);
	ar_buf_printf(out,
		"# TYPE asd_info gauge\nasd_info{version=\"%s\",name=\"%s\",instance=\"%s\"} 1\n",
		IMS_AR_VERSION, a->conf.name, a->instance);
	gauge(out, "uptime_seconds", "since start", (asd_now(a) - a->started) / AR_SEC);
	gauge(out, "calls", "calls now", calls_n(&a->calls));
	gauge(out, "deciding", "offers being decided now", a->calls.deciding);
	gauge(out, "front_connections", "connections of the front", conns);
	gauge(out, "front_modules", "connections of modules", modules);
	gauge(out, "releases_pending", "contexts to be released", dcsf_releases(a->dcsf));
	dcmf_pool_print(a->pool, out);
	print_policy(a, out);
	if (a->lookup)
		lookup_print(a->lookup, out);
	asd_stats_print(&a->stats, out);
}

static void reply(struct evhttp_request *rq, int code, const char *reason, struct ar_span body)
{
	struct evbuffer *b = evbuffer_new();

	if (!b) {
		evhttp_send_error(rq, HTTP_INTERNAL, NULL);
		return;
	}
	evbuffer_add(b, body.p, body.n);
	evhttp_add_header(evhttp_request_get_output_headers(rq), "Content-Type",
		"text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(rq, code, reason, b);
	evbuffer_free(b);
}

static void on_metrics(struct evhttp_request *rq, void *arg)
{
	const struct metrics *m = arg;
	struct ar_buf out;

	ar_buf_init(&out, METRICS_MAX);
	metrics_print(m->asd, &out);
	if (ar_buf_err(&out))
		evhttp_send_error(rq, HTTP_INTERNAL, NULL);
	else
		reply(rq, HTTP_OK, "OK", ar_buf_span(&out));
	ar_buf_free(&out);
}

static void on_healthz(struct evhttp_request *rq, void *arg)
{
	const struct metrics *m = arg;
	const struct asd *a = m->asd;

	if (a->stopping)
		reply(rq, HTTP_SERVUNAVAIL, "Service Unavailable", AR_SPAN("stopping\n"));
	else if (dcmf_pool_choose(a->pool, NULL, NULL, 0) < 0)
		reply(rq, HTTP_SERVUNAVAIL, "Service Unavailable", AR_SPAN("no DCMF is ready\n"));
	else
		reply(rq, HTTP_OK, "OK", AR_SPAN("ok\n"));
}

/* Out of descriptors, as a rule: trying again at once would only burn the CPU. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	(void)arg;
	ar_log_limited(AR_LOG_ERR, "metrics", "cannot accept: %s; again in a second",
		evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(l);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct metrics *m = arg;

	(void)fd, (void)what;
	evconnlistener_enable(m->listener); /* nothing, but for one that could not accept */
}

static int listen_at(struct metrics *m, const char *where)
{
	struct timeval second = {.tv_sec = 1};
	struct evhttp_bound_socket *bound;
	struct asd_endpoint e;

	if (asd_parse_hostport(&e, where) != 0)
		return -EINVAL;
	bound = evhttp_bind_socket_with_handle(m->http, e.host, e.port);
	if (!bound)
		return -EADDRNOTAVAIL;
	m->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(m->listener, on_accept_error);
	m->tick = event_new(m->asd->base, -1, EV_PERSIST, on_tick, m);
	return m->tick && event_add(m->tick, &second) == 0 ? 0 : -ENOMEM;
}

int metrics_open(struct metrics **mp, struct asd *a, struct ar_buf *err)
{
	struct metrics *m;

	*mp = NULL;
	if (!a->conf.metrics || !a->conf.metrics[0])
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->asd = a;
	m->http = evhttp_new(a->base);
	if (!m->http || listen_at(m, a->conf.metrics) != 0) {
		ar_buf_printf(err, "[asd] metrics = %s: cannot listen there", a->conf.metrics);
		metrics_close(m);
		return -EADDRNOTAVAIL;
	}
	evhttp_set_max_headers_size(m->http, 8192);
	evhttp_set_max_body_size(m->http, 1024);
	evhttp_set_timeout(m->http, IDLE_S);
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_cb(m->http, "/metrics", on_metrics, m);
	evhttp_set_cb(m->http, "/healthz", on_healthz, m);
	*mp = m;
	return 0;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	if (m->tick)
		event_free(m->tick);
	if (m->http)
		evhttp_free(m->http);
	free(m);
}
