/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may run: every job costs what it was measured to cost, a new one what its pixels have cost
 * others. Above the budget new jobs are refused, and running ones are stepped down before pictures
 * come late; back up one by one when there has been room for a while.
 *
 * Cost is CPU time against the stream's own time, that of its RTP timestamps: frames that a network
 * held back and then gives all at once cost no more than others. When something came plays no part.
 */
#include "mediad/armf/front/armf_pool_int.h"

#include "common/daemon/ar_log.h"

#include <errno.h>

#define GUESS_WIDTH 640
#define GUESS_HEIGHT 480
#define GUESS_FPS 30
#define OVER_S 2 /* seconds over the budget until a step down */
#define UNDER_S 5 /* with room for it until a step up */
#define HOLD_S 2 /* for a step, or a new job, to show its effect */
#define THREAD_FULL 900 /* permille of a core: one job has one thread, which keeps up no more */
#define CREDIT_US (2 * AR_SEC) /* of stream that may come late and all at once */
#define ROOM_PERCENT 85 /* of the budget, and of a thread, that a step up may lead to */

/* What a job costs at each step, per cent of full quality: decoding stays. */
static const unsigned step_cost[LINK_MAX_STEP + 1] = {100, 60, 40, 30};

/* A spliced one is cheaper than what is coded at half the rate or half the size: only both helps.
 */
#define LEAP_COST 60

static unsigned budget(const struct armf_pool *pool)
{
	return pool->conf.cpu_percent * 10;
}

/* ---- admission ---- */

static unsigned guess(const struct armf_pool *pool, const struct armf_job_conf *c)
{
	unsigned w = c->max_width ? c->max_width : GUESS_WIDTH;
	unsigned h = c->max_height ? c->max_height : GUESS_HEIGHT;
	unsigned fps = c->max_fps ? c->max_fps : GUESS_FPS;

	return (unsigned)(pool->ns_per_pixel[c->out] * w * h * fps / 1e6); /* ns/s to permille */
}

static void sum(const struct pool_proc *p, unsigned *jobs, unsigned *load)
{
	struct pool_job *j;
	uint32_t pos = 0;

	*jobs = *load = 0;
	while ((j = ar_ids_next(&p->pool->jobs, &pos))) {
		if (j->proc != p)
			continue;
		++*jobs;
		*load += j->load;
	}
}

int pool_load_place(struct armf_pool *pool, const struct armf_job_conf *c, struct pool_proc **out,
	unsigned *load)
{
	unsigned best = ~0u, cost = guess(pool, c);

	for (unsigned i = 0; i < pool->conf.processes; i++) {
		struct pool_proc *p = &pool->proc[i];
		bool known = c->scene && pool_scene_known(p, c->scene);
		unsigned jobs, used;

		sum(p, &jobs, &used);
		if (jobs >= pool->conf.max_jobs || (jobs && used + cost > budget(pool)))
			continue;
		if (c->scene && !known && p->nknown == POOL_MAX_SCENES_EACH)
			continue;
		used = known ? used / 2 : used; /* its scene is there already */
		if (!p->ready)
			used += budget(pool);
		if (used < best) {
			best = used;
			*out = p;
		}
	}
	*load = cost;
	return best == ~0u ? -EBUSY : 0;
}

/* ---- measuring ---- */

void pool_load_given(struct pool_job *j, uint32_t seq, uint32_t ts)
{
	int32_t step = j->has_ts ? (int32_t)(ts - j->last_ts) : 0;

	/* a clock that jumps or goes back tells nothing */
	if (step < 0 || step > 90000)
		step = 0;
	j->stands_us[seq % LINK_RING_SLOTS] = (uint32_t)((uint64_t)step * AR_SEC / 90000);
	j->last_ts = ts;
	j->has_ts = true;
}

void pool_load_measure(struct pool_job *j, const struct link_work *w, unsigned pixels)
{
	uint64_t us = (uint64_t)w->decode_us + w->draw_us + w->encode_us;
	double *avg = &j->proc->pool->ns_per_pixel[j->conf.out];

	if (us > AR_SEC)
		us = AR_SEC; /* the process tells it, so it may be anything */
	j->spent_us += us;
	j->media_us += j->stands_us[w->seq % LINK_RING_SLOTS];
	if (pixels && j->step == 0 && j->st.out > 5)
		*avg += ((double)us * 1000 / pixels - *avg) / 256;
}

/* The time that this second's frames stand for: more than a second when they had been held back,
 * but over the seconds no more than went by, whatever the sender's clock says. */
static uint64_t time_of(struct pool_job *j, uint64_t us)
{
	uint64_t media;

	j->credit_us = j->credit_us + us > CREDIT_US ? CREDIT_US : j->credit_us + us;
	media = j->media_us < j->credit_us ? j->media_us : j->credit_us;
	j->credit_us -= media;
	j->media_us = 0;
	return media > us ? media : us;
}

static void measure_job(struct pool_job *j, uint64_t us)
{
	unsigned now = (unsigned)(j->spent_us * 1000 / time_of(j, us));

	j->cost = now;
	j->st.fps = (uint16_t)((j->frames * AR_SEC + us / 2) / us);
	j->frames = 0;
	j->spent_us = 0;
	/* one that pauses may go on any time: forget slowly */
	j->load = now > j->load * 7 / 8 ? now : j->load * 7 / 8;
}

static void measure_proc(struct pool_proc *p)
{
	if (p->cpu_seen_at && p->cpu_at > p->cpu_seen_at && p->cpu_us >= p->cpu_seen_us)
		p->used = (unsigned)((p->cpu_us - p->cpu_seen_us) * 1000 /
				     (p->cpu_at - p->cpu_seen_at));
	p->cpu_seen_us = p->cpu_us;
	p->cpu_seen_at = p->cpu_at;
}

/* ---- steps ---- */

/* Which of the two is to be stepped down? One that fills its thread, else the one at the highest
 * step, else the dearest. */
static bool rather(const struct pool_job *a, const struct pool_job *b)
{
	bool full_a = a->cost >= THREAD_FULL, full_b = b->cost >= THREAD_FULL;

	if (full_a != full_b)
		return full_a;
	return a->step != b->step ? a->step < b->step : a->load > b->load;
}

static struct pool_job *pick_down(struct pool_proc *p)
{
	struct pool_job *j, *best = NULL;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&p->pool->jobs, &pos))) {
		if (j->proc != p || !j->up || j->step == LINK_MAX_STEP || !j->load)
			continue;
		if (!best || rather(j, best))
			best = j;
	}
	return best;
}

static bool has_full_thread(const struct pool_proc *p)
{
	const struct pool_job *j;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&p->pool->jobs, &pos))) {
		if (j->proc == p && j->up && j->cost >= THREAD_FULL)
			return true;
	}
	return false;
}

static struct pool_job *pick_up(struct pool_proc *p)
{
	struct pool_job *j, *best = NULL;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&p->pool->jobs, &pos))) {
		if (j->proc == p && j->step && (!best || j->step > best->step))
			best = j;
	}
	return best;
}

static unsigned next_down(const struct pool_job *j)
{
	return j->splice == LINK_SPLICED ? LINK_MAX_STEP : j->step + 1;
}

static unsigned next_up(const struct pool_job *j)
{
	return j->leapt ? 0 : j->step - 1;
}

/* What it will cost there. */
static unsigned load_at(const struct pool_job *j, unsigned step)
{
	if (step > j->step && j->splice == LINK_SPLICED)
		return j->load * LEAP_COST / 100;
	if (step < j->step && j->leapt)
		return j->load * 100 / LEAP_COST;
	return j->load * step_cost[step] / step_cost[j->step];
}

static void set_step(struct pool_job *j, unsigned step)
{
	unsigned then = load_at(j, step);

	ar_log(AR_LOG_NOTICE, "armf",
		"[%s] processor at %u %% of a core: job goes from step %u to %u", j->call_id,
		j->proc->used / 10, j->step, step);
	j->cost = j->load ? j->cost * then / j->load : 0; /* measured anew in a second */
	j->load = then;
	j->leapt = step > j->step && j->splice == LINK_SPLICED;
	pool_job_set_step(j, step);
	j->proc->hold = HOLD_S;
	j->proc->over = j->proc->under = 0;
}

static bool room_for_up(const struct pool_proc *p, const struct pool_job *j)
{
	unsigned then = load_at(j, next_up(j));

	return then <= THREAD_FULL * ROOM_PERCENT / 100 &&
	       p->used + then - j->load <= budget(p->pool) * ROOM_PERCENT / 100;
}

/* As many as it takes: when many streams grow dearer at once (spliced ones that are coded as a
 * whole, another scene), one at a time would leave all of them late for half a minute. What they
 * free is not overrated: the process has at most what its jobs' loads add up to. */
static void step_down(struct pool_proc *p)
{
	unsigned over = p->used > budget(p->pool) ? p->used - budget(p->pool) : 0, freed = 0;
	struct pool_job *j;

	while ((j = pick_down(p))) {
		unsigned before = j->load;

		set_step(j, next_down(j));
		freed += before - j->load;
		if (freed >= over && !has_full_thread(p))
			break;
	}
}

static void control(struct pool_proc *p)
{
	bool full = has_full_thread(p);
	struct pool_job *up = pick_up(p);

	if (p->hold) {
		p->hold--;
		return;
	}
	p->over = full || p->used > budget(p->pool) ? p->over + 1 : 0;
	p->under = up && !full && room_for_up(p, up) ? p->under + 1 : 0;
	if (p->over >= OVER_S)
		step_down(p);
	else if (up && p->under >= UNDER_S)
		set_step(up, next_up(up));
}

void pool_load_second(struct armf_pool *pool, uint64_t us)
{
	struct pool_job *j;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&pool->jobs, &pos)))
		measure_job(j, us);
	for (unsigned i = 0; i < pool->conf.processes; i++) {
		if (!pool->proc[i].ready)
			continue;
		measure_proc(&pool->proc[i]);
		control(&pool->proc[i]);
	}
}
