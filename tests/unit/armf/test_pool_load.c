/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may run: admission by cost, steps down and up again. No process, times are made up. */
#include "common/daemon/ar_log.h"
#include "mediad/armf/front/armf_pool_int.h"
#include "mediad/armf/link/link_sock.h"
#include "mediad/armf/proc/job_int.h"

#include "../common/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct armf_pool *pool;
	struct pool_proc *p;
	int other; /* the process's end */
	uint64_t cpu;
};

static const struct armf_job_conf video = {.op = ARMF_OVERLAY,
	.max_width = 640,
	.max_height = 360,
	.max_fps = 30,
	.start_bps = 500000};

static void open_rig(struct rig *r, unsigned percent)
{
	struct armf_pool_conf c = {
		.program = "/nonexistent", .processes = 1, .max_jobs = 8, .cpu_percent = percent};
	int pair[2];

	ar_log_init("test", AR_LOG_ERR);
	assert_int_equal(armf_pool_new(&r->pool, &c, event_base_new()), 0);
	r->p = &r->pool->proc[0];
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	r->p->sock = pair[0];
	r->p->ready = true;
	r->p->cpu_at = AR_SEC;
	r->other = pair[1];
	r->cpu = 0;
}

static void close_rig(struct rig *r)
{
	struct event_base *base = r->pool->base;

	close(r->other);
	armf_pool_free(r->pool);
	event_base_free(base);
}

static struct pool_job *open_job(struct rig *r, int *err)
{
	struct armf_job_handlers h = {0};
	uint32_t id = 0;
	struct pool_job *j;

	*err = armf_job_open(r->pool, &video, &h, NULL, &id);
	j = *err ? NULL : ar_ids_get(&r->pool->jobs, id);
	if (j)
		j->up = true;
	return j;
}

/* Frames given and done, each that dear, as far apart in the stream as they are in ts. */
static void frames(struct pool_job *j, unsigned n, unsigned us, uint32_t ts)
{
	for (unsigned i = 0; i < n; i++) {
		struct link_work w = {.seq = ++j->seq_in,
			.decode_us = us / 4,
			.draw_us = us / 4,
			.encode_us = us - us / 4 * 2};

		pool_load_given(j, w.seq, j->last_ts + ts);
		pool_load_measure(j, &w, 0);
	}
}

static void tick(struct rig *r, unsigned permille)
{
	r->cpu += permille * 1000;
	r->p->cpu_us = r->cpu;
	r->p->cpu_at += AR_SEC;
	pool_load_second(r->pool, AR_SEC);
}

/* A second in which the process used that much of a core, and each job its share for 25 frames. */
static void second(struct rig *r, unsigned permille, struct pool_job **job, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		frames(job[i], 25, permille / n * 40, 3600);
	tick(r, permille);
}

static unsigned steps(struct pool_job **job, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += job[i]->step;
	return sum;
}

static void test_admission(void **state)
{
	struct pool_job *job[8];
	struct armf_pool_stats st;
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 50);
	/* nobody has been measured: 22 ns a pixel are 152 permille of a core */
	for (unsigned i = 0; i < 3; i++) {
		job[i] = open_job(&r, &err);
		assert_int_equal(err, 0);
	}
	assert_null(open_job(&r, &err));
	assert_int_equal(err, -EBUSY);
	for (unsigned i = 0; i < 20; i++)
		second(&r, 150, job, 3); /* they cost less than thought */
	assert_true(job[0]->load < 80);
	job[3] = open_job(&r, &err);
	assert_int_equal(err, 0);
	armf_pool_get_stats(r.pool, &st);
	assert_int_equal(st.refused, 1);
	assert_true(st.cpu_permille > 250 && st.cpu_permille < 350); /* 150 of 500 */
	assert_int_equal(steps(job, 4), 0);
	close_rig(&r);
}

static void test_one_job_always_fits(void **state)
{
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 5);
	assert_non_null(open_job(&r, &err)); /* a budget too small for any would be no use */
	assert_null(open_job(&r, &err));
	assert_int_equal(err, -EBUSY);
	close_rig(&r);
}

static unsigned last_step_sent(struct rig *r)
{
	struct link_msg m;
	unsigned nfd, step = 99;
	int fd;

	while (link_recv(r->other, &m, &fd, &nfd, false) > 0) {
		if (fd >= 0)
			close(fd);
		if (m.h.type == LINK_JOB_SET)
			step = m.u.job_set.step;
	}
	return step;
}

static void test_steps_down_and_up(void **state)
{
	struct pool_job *job[3];
	struct rig r;
	unsigned down;
	int err;

	(void)state;
	open_rig(&r, 50);
	for (unsigned i = 0; i < 3; i++)
		job[i] = open_job(&r, &err);
	second(&r, 100, job, 3);
	second(&r, 540, job, 3);
	assert_int_equal(steps(job, 3), 0); /* one second may be chance */
	for (unsigned i = 0; i < 2; i++)
		second(&r, 540, job, 3);
	assert_int_equal(steps(job, 3), 1);
	assert_int_equal(last_step_sent(&r), 1);
	for (unsigned i = 0; i < 60; i++)
		second(&r, 600, job, 3);
	down = steps(job, 3);
	assert_int_equal(down, 9); /* no further than that */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(job[i]->st.step, LINK_MAX_STEP);
	for (unsigned i = 0; i < 30; i++)
		second(&r, 450, job, 3); /* below the budget, but no room for a step */
	assert_int_equal(steps(job, 3), 9);
	for (unsigned i = 0; i < 10; i++)
		second(&r, 60, job, 3);
	assert_true(steps(job, 3) < 9 && steps(job, 3) > 6); /* one by one */
	for (unsigned i = 0; i < 100; i++)
		second(&r, 60, job, 3);
	assert_int_equal(steps(job, 3), 0);
	assert_int_equal(last_step_sent(&r), 0);
	close_rig(&r);
}

/* Many that grow dearer in one second, as spliced streams do that are coded as a whole: all that it
 * takes are stepped down together, the dearest first, and no further. */
static void test_many_at_once(void **state)
{
	struct pool_job *job[8];
	unsigned load = 0, most = 0;
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 125);
	for (unsigned i = 0; i < 8; i++)
		job[i] = open_job(&r, &err);
	for (unsigned i = 0; i < 20; i++)
		second(&r, 1200, job, 8);
	assert_int_equal(steps(job, 8), 0);
	for (unsigned i = 0; i < 2; i++)
		second(&r, 2000, job, 8);
	for (unsigned i = 0; i < 8; i++) {
		load += job[i]->load;
		most = job[i]->step > most ? job[i]->step : most;
	}
	assert_in_range(load, 1100, 1250);
	assert_int_equal(most, 1); /* eight times 250: 100 less each is what was wanted */
	for (unsigned i = 0; i < 10; i++)
		second(&r, 1200, job, 8);
	assert_int_equal(steps(job, 8), 8);
	close_rig(&r);
}

/* A spliced one costs more, not less, when it is coded at half the rate: it goes all the way, and
 * back at once. */
static void test_spliced_steps(void **state)
{
	struct pool_job *job[2];
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 50);
	for (unsigned i = 0; i < 2; i++) {
		job[i] = open_job(&r, &err);
		job[i]->splice = LINK_SPLICED;
	}
	second(&r, 100, job, 2);
	for (unsigned i = 0; i < 3; i++)
		second(&r, 600, job, 2);
	assert_int_equal(steps(job, 2), LINK_MAX_STEP);
	for (unsigned i = 0; i < 2; i++) {
		if (job[i]->step)
			job[i]->splice = LINK_SPLICE_STEP;
	}
	for (unsigned i = 0; i < 30; i++)
		second(&r, 400, job, 2); /* no room for it */
	assert_int_equal(steps(job, 2), LINK_MAX_STEP);
	for (unsigned i = 0; i < 12; i++)
		second(&r, 100, job, 2);
	assert_int_equal(steps(job, 2), 0);
	assert_int_equal(last_step_sent(&r), 0);
	close_rig(&r);
}

/* A network that holds frames back and gives them all at once, the process far below its budget:
 * nothing is stepped down, and the job costs no more than it did. */
static void test_bursts_are_no_load(void **state)
{
	struct pool_job *job[1];
	unsigned steady;
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 80);
	job[0] = open_job(&r, &err);
	for (unsigned i = 0; i < 20; i++)
		second(&r, 500, job, 1);
	steady = job[0]->load;
	for (unsigned i = 0; i < 20; i++) {
		tick(&r, 0);
		frames(job[0], 50, 20000, 3600); /* two seconds of it, the thread filled */
		job[0]->st.late += 25;
		tick(&r, 500);
		assert_int_equal(job[0]->step, 0);
		assert_true(job[0]->load <= steady);
	}
	close_rig(&r);
}

/* A thread with nothing left is behind, though its process may use more; the others are not. */
static void test_full_thread_steps_down(void **state)
{
	struct pool_job *job[2];
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 200);
	for (unsigned i = 0; i < 2; i++)
		job[i] = open_job(&r, &err);
	tick(&r, 0);
	for (unsigned i = 0; i < 5; i++) {
		frames(job[0], 25, 10000, 3600);
		frames(job[1], 23, 42000, 3913);
		tick(&r, 1220);
	}
	assert_int_equal(job[0]->step, 0);
	assert_int_equal(job[1]->step, 1);
	for (unsigned i = 0; i < 10; i++) { /* half the frames: that does it */
		frames(job[0], 25, 10000, 3600);
		frames(job[1], 25, 22000, 3600);
		tick(&r, 800);
	}
	assert_int_equal(job[1]->step, 1);
	close_rig(&r);
}

/* Whatever a sender's clock says, a job is not cheaper than what it uses: slow, fast, or at rest.
 */
static void test_senders_clock_is_not_trusted(void **state)
{
	static const uint32_t clock[] = {0, 33, 89999, 90001, 0x80000000};
	struct rig r;
	int err;

	(void)state;
	for (unsigned k = 0; k < sizeof(clock) / sizeof(clock[0]); k++) {
		struct pool_job *j;

		open_rig(&r, 80);
		j = open_job(&r, &err);
		for (unsigned i = 0; i < 30; i++) {
			frames(j, 30, 20000, clock[k]);
			tick(&r, 600);
		}
		assert_in_range(j->load, 590, 610);
		assert_int_equal(j->step, 0);
		close_rig(&r);
	}
}

/* The process's own share is taken over the time between its signs of life, not between our looks.
 */
static void test_beats_out_of_step(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r, 80);
	tick(&r, 700);
	r.p->cpu_us += 840000;
	r.p->cpu_at += 1200000;
	pool_load_second(r.pool, AR_SEC);
	assert_int_equal(r.p->used, 700);
	pool_load_second(r.pool, AR_SEC); /* none came: as it was */
	assert_int_equal(r.p->used, 700);
	close_rig(&r);
}

/* What a processor claims cannot break the sums. */
static void test_absurd_times(void **state)
{
	struct link_work w = {
		.decode_us = UINT32_MAX, .draw_us = UINT32_MAX, .encode_us = UINT32_MAX};
	struct pool_job *job[1];
	struct rig r;
	int err;

	(void)state;
	open_rig(&r, 80);
	job[0] = open_job(&r, &err);
	job[0]->st.out = 100;
	for (unsigned i = 0; i < 1000; i++)
		pool_load_measure(job[0], &w, 16 * 16);
	r.p->cpu_us = 0;
	pool_load_second(r.pool, AR_SEC);
	second(&r, 10, job, 0);
	for (unsigned i = 0; i < 200; i++)
		second(&r, 10, job, 0);
	assert_true(job[0]->load < 100);
	close_rig(&r);
}

/* ---- the watchdog inside the process ---- */

static void test_stuck_thread_is_seen(void **state)
{
	static struct job j;

	(void)state;
	job_enter(&j, JOB_ENCODE);
	assert_int_equal(job_watch(&j), JOB_IDLE); /* new since the last look */
	for (unsigned i = 1; i < PROC_STUCK_TICKS; i++)
		assert_int_equal(job_watch(&j), JOB_IDLE);
	assert_int_equal(job_watch(&j), JOB_ENCODE);
	job_enter(&j, JOB_DRAW); /* it went on after all */
	assert_int_equal(job_watch(&j), JOB_IDLE);
	job_enter(&j, JOB_IDLE);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(job_watch(&j), JOB_IDLE);
	job_enter(&j, JOB_LOAD); /* a large scene may take its time */
	for (unsigned i = 0; i < PROC_SLOW_TICKS; i++)
		assert_int_equal(job_watch(&j), JOB_IDLE);
	assert_int_equal(job_watch(&j), JOB_LOAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_one_job_always_fits),
		cmocka_unit_test(test_steps_down_and_up),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_spliced_steps),
		cmocka_unit_test(test_bursts_are_no_load),
		cmocka_unit_test(test_full_thread_steps_down),
		cmocka_unit_test(test_senders_clock_is_not_trusted),
		cmocka_unit_test(test_beats_out_of_step),
		cmocka_unit_test(test_absurd_times),
		cmocka_unit_test(test_stuck_thread_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
