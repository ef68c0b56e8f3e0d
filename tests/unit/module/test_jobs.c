/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues between processes: bounds, order, wake-ups, what is lost is counted. */
#include "help.h"
#include "kamailio-modules/ims_ar/ar_job.h"
#include "stubs.h"

#include "tests/unit/common/cmocka_all.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static int setup(void **state)
{
	(void)state;
	test_stubs_reset();
	ar_conf.queue_max = 4;
	ar_conf.event_max = 10;
	return ar_jobs_init() == 0 && ar_jobs_open() == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ar_jobs_destroy();
	close(ar_jobs_offer_fd());
	close(ar_jobs_resume_fd());
	return test_shm_live == 0 ? 0 : -1;
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_slots(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(ar_job_reserve());
	assert_false(ar_job_reserve());
	assert_int_equal(ar_jobs_pending(), 4);
	ar_job_unreserve();
	assert_true(ar_job_reserve());
	for (int i = 0; i < 4; i++)
		ar_job_unreserve();
	assert_int_equal(ar_jobs_pending(), 0);
}

static void test_a_job_owns_its_texts(void **state)
{
	char callid[] = "call@host", json[] = "{\"x\":1}";
	struct ar_msg_key k = help_key(callid, "from", "", 3, 4);
	struct ar_job *j;

	(void)state;
	assert_true(ar_job_reserve());
	j = ar_job_new(&k, json);
	assert_non_null(j);
	memset(callid, 'z', sizeof(callid) - 1);
	memset(json, 'z', sizeof(json) - 1);
	assert_true(ar_span_eq(j->key.callid, AR_SPAN("call@host")));
	assert_true(ar_span_eq(j->key.from_tag, AR_SPAN("from")));
	assert_int_equal(j->key.to_tag.n, 0);
	assert_string_equal(j->json, "{\"x\":1}");
	ar_job_free(j);
	assert_int_equal(ar_jobs_pending(), 0);
}

static struct ar_job *job(uint32_t cseq)
{
	struct ar_msg_key k = help_key("c", "a", "", cseq, 0);
	struct ar_job *j;

	assert_true(ar_job_reserve());
	j = ar_job_new(&k, "{}");
	assert_non_null(j);
	return j;
}

static void test_order_and_wake_up(void **state)
{
	struct ar_job *j, *next;
	uint32_t n = 0;

	(void)state;
	assert_false(readable(ar_jobs_offer_fd()));
	assert_null(ar_jobs_take_offers());
	for (uint32_t i = 1; i <= 3; i++)
		ar_jobs_push_offer(job(i));
	assert_true(readable(ar_jobs_offer_fd()));
	for (j = ar_jobs_take_offers(); j; j = next) {
		next = j->next;
		assert_int_equal(j->key.cseq, ++n);
		ar_jobs_push_resume(j);
	}
	assert_int_equal(n, 3);
	assert_false(readable(ar_jobs_offer_fd()));
	for (n = 1; n <= 3; n++) { /* a job wakes one reader */
		uint64_t one;

		assert_true(readable(ar_jobs_resume_fd()));
		assert_int_equal(read(ar_jobs_resume_fd(), &one, sizeof(one)), sizeof(one));
		assert_int_equal(one, 1);
		j = ar_jobs_take_resume();
		assert_int_equal(j->key.cseq, n);
		ar_job_free(j);
	}
	assert_false(readable(ar_jobs_resume_fd()));
	assert_null(ar_jobs_take_resume());
}

static void free_events(struct ar_event *e)
{
	struct ar_event *next;

	for (; e; e = next) {
		next = e->next;
		ar_event_free(e);
	}
}

static void test_events_are_bounded(void **state)
{
	int good = 0;

	(void)state;
	for (int i = 0; i < 15; i++)
		good += ar_event_push(0, "{\"x\":1}", true);
	assert_int_equal(good, 10);
	assert_int_equal(test_stat[AR_STAT_events_lost], 5);
	assert_true(ar_events_were_lost());
	assert_false(ar_events_were_lost()); /* said once */
	/* taken is not acknowledged: still bounded */
	struct ar_event *list = ar_events_take();

	assert_false(ar_event_push(0, "{\"x\":1}", true));
	free_events(list);
	assert_int_equal(ar_events_unacked(), 0);
	assert_true(ar_event_push(0, "{\"x\":1}", true));
	free_events(ar_events_take());
}

static void test_without_memory(void **state)
{
	struct ar_msg_key k = help_key("c", "a", "", 1, 0);

	(void)state;
	test_shm_countdown = 0;
	assert_null(ar_job_new(&k, "{}"));
	test_shm_countdown = 0;
	assert_false(ar_event_push(0, "{\"x\":1}", true));
	assert_false(ar_event_push(0, NULL, true)); /* no text: it could not even be written */
	assert_int_equal(test_stat[AR_STAT_events_lost], 2);
}

static void *worker(void *arg)
{
	char text[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "{\"w\":%d}", (int)(size_t)arg);
		ar_event_push(0, text, true);
	}
	return NULL;
}

static void test_many_workers(void **state)
{
	pthread_t t[4];
	int n = 0;

	(void)state;
	ar_conf.event_max = 100000;
	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (int i = 0; i < 50; i++)
		for (struct ar_event *e = ar_events_take(), *next; e; e = next, n++) {
			next = e->next;
			ar_event_free(e);
		}
	for (size_t i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (struct ar_event *e = ar_events_take(), *next; e; e = next, n++) {
		next = e->next;
		ar_event_free(e);
	}
	assert_int_equal(n, 8000);
	assert_int_equal(ar_events_unacked(), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_slots),
		T(test_a_job_owns_its_texts),
		T(test_order_and_wake_up),
		T(test_events_are_bounded),
		T(test_without_memory),
		T(test_many_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
