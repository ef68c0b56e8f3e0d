/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/armf_pool_int.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdlib.h>

static void second(struct armf_pool *pool, uint64_t now)
{
	if (now < pool->next_second)
		return;
	pool_load_second(pool, now - pool->next_second + AR_SEC);
	pool->next_second = now + AR_SEC;
}

static void memory(struct armf_pool *pool, uint64_t now)
{
	if (now < pool->next_memory)
		return;
	pool->next_memory = now + AR_SEC / 2;
	for (unsigned i = 0; i < pool->conf.processes; i++)
		pool_proc_check_memory(&pool->proc[i]);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct armf_pool *pool = arg;
	uint64_t now = ar_now();
	struct pool_job *j;
	uint32_t pos = 0;

	(void)fd, (void)what;
	/* when it is we who were held up, their signs of life wait unread */
	if (now - pool->last_tick > 3 * POOL_TICK_MS * AR_MS) {
		for (unsigned i = 0; i < pool->conf.processes; i++)
			pool->proc[i].heard = now;
		while ((j = ar_ids_next(&pool->jobs, &pos)))
			j->sent_at = now;
		pos = 0;
	}
	pool->last_tick = now;
	for (unsigned i = 0; i < pool->conf.processes; i++)
		pool_proc_check(&pool->proc[i], now);
	while ((j = ar_ids_next(&pool->jobs, &pos)))
		pool_job_check(j, now);
	memory(pool, now);
	second(pool, now);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct armf_pool *pool = arg;

	(void)fd, (void)what;
	pool_job_tell_keys(pool);
	pool_job_free_graves(pool);
}

static int copy_conf(struct armf_pool *p, const struct armf_pool_conf *c)
{
	p->conf = *c;
	if (p->conf.processes > POOL_MAX_PROCS)
		p->conf.processes = POOL_MAX_PROCS;
	p->program = strdup(c->program ? c->program : "");
	p->platform = strdup(c->platform ? c->platform : "surfaceless");
	p->cache_dir = strdup(c->cache_dir ? c->cache_dir : "");
	p->assets = strdup(c->assets ? c->assets : "");
	if (!p->program || !p->platform || !p->cache_dir || !p->assets)
		return -ENOMEM;
	p->conf.program = p->program;
	p->conf.platform = p->platform;
	p->conf.cache_dir = p->cache_dir;
	p->conf.assets = p->assets;
	return 0;
}

static int start_events(struct armf_pool *p)
{
	const struct timeval tick = {.tv_usec = POOL_TICK_MS * 1000};

	p->tick = event_new(p->base, -1, EV_PERSIST, on_tick, p);
	p->kick = event_new(p->base, -1, 0, on_kick, p);
	p->scratch = malloc(ARMF_MAX_FRAME);
	if (!p->tick || !p->kick || !p->scratch || event_add(p->tick, &tick) != 0)
		return -ENOMEM;
	return 0;
}

int armf_pool_new(
	struct armf_pool **out, const struct armf_pool_conf *conf, struct event_base *base)
{
	struct armf_pool *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->base = base;
	ar_ids_init(&p->jobs, POOL_MAX_JOBS);
	ar_ids_init(&p->scenes, POOL_MAX_SCENES);
	p->ns_per_pixel[DEPAY_VP8] = 22; /* until there is something to measure */
	p->ns_per_pixel[DEPAY_H264] = 16;
	p->last_tick = ar_now();
	p->next_second = p->last_tick + AR_SEC;
	err = copy_conf(p, conf);
	for (unsigned i = 0; !err && i < p->conf.processes; i++)
		pool_proc_init(&p->proc[i], p, i);
	if (!err && p->conf.processes)
		err = start_events(p);
	for (unsigned i = 0; !err && i < p->conf.processes; i++)
		pool_proc_check(&p->proc[i], p->last_tick);
	if (err)
		armf_pool_free(p);
	else
		*out = p;
	return err;
}

static void free_all(struct armf_pool *p)
{
	struct pool_scene *s;
	struct pool_job *j;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&p->jobs, &pos)))
		armf_job_close(p, j->id);
	pool_job_free_graves(p);
	for (pos = 0; (s = ar_ids_next(&p->scenes, &pos));)
		pool_scene_free(p, s);
	ar_ids_free(&p->jobs);
	ar_ids_free(&p->scenes);
}

void armf_pool_free(struct armf_pool *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->conf.processes; i++)
		pool_proc_hang_up(&p->proc[i]);
	for (unsigned i = 0; i < p->conf.processes; i++)
		pool_proc_stop(&p->proc[i]);
	free_all(p);
	if (p->tick)
		event_free(p->tick);
	if (p->kick)
		event_free(p->kick);
	free(p->scratch);
	free(p->program);
	free(p->platform);
	free(p->cache_dir);
	free(p->assets);
	free(p);
}

void armf_pool_get_stats(const struct armf_pool *p, struct armf_pool_stats *out)
{
	unsigned budget = p->conf.cpu_percent * 10, used = 0;

	*out = p->st;
	out->running = 0;
	for (unsigned i = 0; i < p->conf.processes; i++) {
		out->running += p->proc[i].ready;
		if (p->proc[i].used > used)
			used = p->proc[i].used;
	}
	out->jobs = p->jobs.used;
	out->scenes = p->scenes.used;
	out->cpu_permille = budget ? (uint32_t)((uint64_t)used * 1000 / budget) : 0;
}
