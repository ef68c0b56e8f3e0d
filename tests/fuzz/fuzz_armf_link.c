/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a media processor that was taken over may send to its worker, and what a worker may send to
 * a processor: the check lets through only what the rest can rely on; then the worker's part for
 * jobs and scenes gets it. First byte: direction and file descriptors; then records of a length (2
 * bytes) and a message each.
 */
#include "mediad/armf/front/armf_pool_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct armf_pool *pool;
static struct pool_proc *proc;
static uint32_t job, scene;

static void set_up(void)
{
	struct armf_pool_conf c = {
		.program = "/nonexistent", .processes = 1, .max_jobs = 4, .cpu_percent = 100};
	struct armf_job_conf jc = {.op = ARMF_OVERLAY};
	struct armf_job_handlers h = {0};

	if (armf_pool_new(&pool, &c, event_base_new()) != 0 ||
		armf_scene_open(pool, AR_SPAN("{}"), "fuzz", &scene) != 0)
		abort();
	proc = &pool->proc[0];
	jc.scene = scene;
	if (armf_job_open(pool, &jc, &h, NULL, &job) != 0)
		abort();
}

static void must_hold(const struct link_msg *m)
{
	const struct link_out *o = &m->u.out;

	if (m->h.type == LINK_OUT && (o->size == 0 || o->size > ARMF_MAX_FRAME ||
					     (uint64_t)o->offset + o->size > LINK_RING_BYTES))
		abort();
	if (m->h.type == LINK_FRAME &&
		(uint64_t)m->u.frame.offset + m->u.frame.size > LINK_RING_BYTES)
		abort();
	if (m->h.type == LINK_WANT_ASSET && strstr(m->u.want_asset.uri, ".."))
		abort();
}

static void hand_over(struct link_msg *m)
{
	struct pool_job *j = ar_ids_get(&pool->jobs, job);

	/* as if the job were up and its first frame under way */
	if (!j->up) {
		uint32_t at;

		j->asked = j->up = true;
		if (link_ring_put(&j->in, 100, ++j->seq_in, &at) != 0)
			abort();
	}
	if (m->h.type == LINK_OUT)
		(void)pool_job_on_out(proc, m);
	else if (m->h.type == LINK_DONE)
		(void)pool_job_on_done(proc, m);
	else if (m->h.type == LINK_JOB_UP)
		(void)pool_job_on_up(proc, m);
	else if (m->h.type == LINK_SNAPPED)
		(void)pool_job_on_snapped(proc, m);
	else if (m->h.type == LINK_SCENE_DONE)
		(void)pool_scene_on_done(proc, m);
}

static void one(const uint8_t *p, size_t n, uint8_t flags)
{
	enum link_side from = flags & 1 ? LINK_FROM_PROC : LINK_FROM_FRONT;
	struct link_msg m;

	memset(&m, 0xa5, sizeof(m)); /* what was not received is not zero */
	memcpy(&m, p, n < sizeof(m) ? n : sizeof(m));
	if (n >= sizeof(m.h) && m.h.id == 0xffffffff)
		m.h.id = m.h.type == LINK_SCENE_DONE ? scene : job;
	if (link_msg_check(&m, n, flags >> 1 & 3, from))
		return;
	must_hold(&m);
	if (from == LINK_FROM_PROC)
		hand_over(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!pool)
		set_up();
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;

		n = n > size - 3 ? size - 3 : n;
		one(data + 3, n, data[0]);
		data += 3 + n;
		size -= 3 + n;
	}
	pool_job_free_graves(pool);
	return 0;
}
