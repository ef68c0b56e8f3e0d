/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/admin/reload.h"
#include "asd/admin/admin.h"
#include "asd/asd.h"
#include "asd/front/front_msg.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_ERROR 4096

struct waiting {
	struct front_ref ref[RELOAD_MAX_WAITING];
	unsigned n;
	bool wanted; /* also by nobody to be answered */
};

struct reload {
	struct asd *a;
	struct event *done;
	int fd;
	bool running;
	pthread_t thread;
	struct waiting now, next; /* for the one under way, for the one behind it */
	/* the thread's until it is joined */
	struct policy_gen *gen;
	struct ar_buf err;
	int rc;
};

static void *build(void *arg)
{
	struct reload *r = arg;
	uint64_t one = 1;

	r->rc = policy_build(r->a->policy, &r->gen, &r->err);
	if (write(r->fd, &one, sizeof(one)) < 0)
		return NULL; /* a counter of 64 bits is never full */
	return NULL;
}

static void answer(struct asd *a, struct front_ref ref, const struct reload *r)
{
	if (r->rc == 0)
		admin_reply(a, ref,
			json_pack(
				"[{s:s, s:s}]", "policy", a->conf.policy_file, "state", "loaded"));
	else
		front_answer(a, ref, front_error("policy", r->err.p ? r->err.p : "out of memory"));
}

/* The generation is there, or not; back in the loop's thread. */
static void finish(struct reload *r)
{
	struct asd *a = r->a;
	struct waiting served = r->now;

	memset(&r->now, 0, sizeof(r->now));
	if (r->rc == 0)
		policy_swap(a->policy, r->gen);
	r->gen = NULL;
	policy_count_reload(a->policy, r->rc == 0);
	asd_count(a, r->rc ? ASD_POLICY_RELOAD_FAILED : ASD_POLICY_RELOADS);
	if (r->rc)
		ar_log(AR_LOG_ERR, "policy", "reload refused, the old policy stays: %.*s",
			(int)r->err.n, r->err.p ? r->err.p : "");
	else
		ar_log(AR_LOG_NOTICE, "policy", "%s loaded anew", a->conf.policy_file);
	ar_buf_add(&r->err, "", 1);
	for (unsigned i = 0; i < served.n; i++)
		answer(a, served.ref[i], r);
}

/* Signals are for the loop's thread. */
static int start_thread(struct reload *r)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&r->thread, NULL, build, r);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return err;
}

static void start(struct reload *r)
{
	r->now = r->next;
	memset(&r->next, 0, sizeof(r->next));
	ar_buf_reset(&r->err);
	r->running = start_thread(r) == 0;
	if (r->running)
		return;
	r->rc = policy_build(r->a->policy, &r->gen, &r->err); /* no thread to be had */
	finish(r);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct reload *r = arg;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	pthread_join(r->thread, NULL);
	r->running = false;
	finish(r);
	if (r->next.wanted)
		start(r);
}

static struct reload *reload_new(struct asd *a)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->a = a;
	ar_buf_init(&r->err, MAX_ERROR);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->done = r->fd < 0 ? NULL : event_new(a->base, r->fd, EV_READ | EV_PERSIST, on_done, r);
	if (r->done && event_add(r->done, NULL) == 0)
		return r;
	reload_free(r);
	return NULL;
}

void reload_ask(struct asd *a, const struct front_ref *ref)
{
	struct reload *r = a->reload ? a->reload : reload_new(a);

	a->reload = r;
	if (!r || (ref && r->next.n == RELOAD_MAX_WAITING)) {
		ar_log(AR_LOG_ERR, "policy", "reload: %s", r ? "too many at a time" : "no memory");
		if (ref)
			front_answer(
				a, *ref, front_error("busy", "too many reloads wait; try again"));
		return;
	}
	r->next.wanted = true;
	if (ref)
		r->next.ref[r->next.n++] = *ref;
	if (!r->running)
		start(r);
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	if (r->running) {
		pthread_join(r->thread, NULL);
		if (r->rc == 0)
			policy_swap(r->a->policy, r->gen); /* freed with it */
	}
	if (r->done)
		event_free(r->done);
	if (r->fd >= 0)
		close(r->fd);
	ar_buf_free(&r->err);
	free(r);
}
