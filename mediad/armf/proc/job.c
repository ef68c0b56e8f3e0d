/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/proc/job_int.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_sock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_BYTES (2 * (size_t)LINK_RING_BYTES)

void job_enter(struct job *j, enum job_stage stage)
{
	atomic_store(&j->stage, stage);
	atomic_fetch_add(&j->progress, 1);
}

/* ---- the thread ---- */

static int map(struct job *j)
{
	void *mem;

	if (!link_memory_ok(j->fd, MEMORY_BYTES))
		return -EINVAL;
	mem = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	j->memory = mem;
	return 0;
}

static bool begin(struct job *j)
{
	struct link_msg m = {.h = {.type = LINK_JOB_UP, .id = j->id}};
	struct ar_buf why;
	int err;

	job_enter(j, JOB_START);
	ar_buf_init(&why, LINK_MAX_WHY - 1);
	err = map(j);
	close(j->fd);
	j->fd = -1;
	if (!err)
		err = job_begin(j, &why);
	m.u.job_up.err = err;
	if (why.n)
		memcpy(m.u.job_up.why, why.p, why.n);
	ar_buf_free(&why);
	job_enter(j, JOB_IDLE);
	proc_send(j->p, &m);
	return err == 0;
}

/* Waits for the next frame; false: the job is to end. behind: it has waited long, newer ones wait.
 */
static bool next(struct job *j, struct link_frame *f, bool *behind, struct job_wish *w)
{
	bool more;

	pthread_mutex_lock(&j->lock);
	while (!j->n && !j->closing)
		pthread_cond_wait(&j->wake, &j->lock);
	more = !j->closing;
	if (more) {
		*f = j->queue[j->first];
		*behind = --j->n > 0 && ar_now() - j->came[j->first] > JOB_LATE_MS * AR_MS;
		j->first = (j->first + 1) % LINK_RING_SLOTS;
		*w = j->wish;
	}
	pthread_mutex_unlock(&j->lock);
	return more;
}

/* What was heeded is taken off the list; what came meanwhile stays. */
static void heeded(struct job *j, const struct job_wish *before, const struct job_wish *after)
{
	pthread_mutex_lock(&j->lock);
	if (before->key && !after->key)
		j->wish.key = false;
	if (before->snapshot >= 0 && after->snapshot < 0)
		j->wish.snapshot = -1;
	pthread_mutex_unlock(&j->lock);
}

static void frames(struct job *j)
{
	struct job_wish before, w;
	struct link_frame f;
	bool behind;

	while (next(j, &f, &behind, &w)) {
		before = w;
		job_work(j, &f, behind, &w);
		job_enter(j, JOB_IDLE);
		heeded(j, &before, &w);
	}
}

static void wait_open(struct job *j)
{
	pthread_mutex_lock(&j->lock);
	while (!j->opening)
		pthread_cond_wait(&j->wake, &j->lock);
	j->opening = false;
	pthread_mutex_unlock(&j->lock);
}

static void set_free(struct job *j)
{
	struct scene *scene;
	int snapshot;

	if (j->memory)
		munmap(j->memory, MEMORY_BYTES);
	j->memory = NULL;
	pthread_mutex_lock(&j->lock);
	scene = j->scene;
	snapshot = j->wish.snapshot;
	j->scene = NULL;
	j->id = 0;
	pthread_mutex_unlock(&j->lock);
	if (snapshot >= 0)
		close(snapshot);
	scene_unref(scene);
}

/* A job that could not begin still waits for its end, or its id would be taken for a free slot. */
static void wait_close(struct job *j)
{
	pthread_mutex_lock(&j->lock);
	while (!j->closing)
		pthread_cond_wait(&j->wake, &j->lock);
	pthread_mutex_unlock(&j->lock);
}

static void *job_thread(void *arg)
{
	struct job *j = arg;

	for (;;) {
		wait_open(j);
		if (begin(j))
			frames(j);
		else
			wait_close(j);
		job_enter(j, JOB_START);
		job_end(j);
		job_enter(j, JOB_IDLE);
		set_free(j);
	}
	return NULL;
}

int job_new(struct job **out, struct proc *p)
{
	struct job *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->p = p;
	j->fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	err = pthread_create(&j->thread, NULL, job_thread, j);
	if (err) {
		free(j);
		return -err;
	}
	*out = j;
	return 0;
}

/* ---- main ---- */

uint32_t job_id(struct job *j)
{
	uint32_t id;

	pthread_mutex_lock(&j->lock);
	id = j->id;
	pthread_mutex_unlock(&j->lock);
	return id;
}

void job_open(
	struct job *j, uint32_t id, const struct link_job_open *m, struct scene *scene, int fd)
{
	pthread_mutex_lock(&j->lock);
	j->id = id;
	j->conf = *m;
	j->scene = scene ? scene_ref(scene) : NULL;
	j->fd = fd;
	j->first = j->n = 0;
	j->out = (struct link_ring){0};
	j->wish = (struct job_wish){.bps = m->start_bps,
		.step = m->step,
		.max_blocks = m->max_blocks,
		.max_fps = m->max_fps,
		.snapshot = -1};
	j->closing = false;
	j->opening = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

void job_close(struct job *j)
{
	pthread_mutex_lock(&j->lock);
	j->closing = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

bool job_frame(struct job *j, const struct link_frame *f)
{
	unsigned last;
	bool room;

	pthread_mutex_lock(&j->lock);
	room = j->n < LINK_RING_SLOTS;
	if (room) {
		last = (j->first + j->n++) % LINK_RING_SLOTS;
		j->queue[last] = *f;
		j->came[last] = ar_now();
		pthread_cond_signal(&j->wake);
	}
	pthread_mutex_unlock(&j->lock);
	return room;
}

bool job_taken(struct job *j, uint32_t seq)
{
	bool ok;

	pthread_mutex_lock(&j->lock);
	ok = link_ring_taken(&j->out, seq);
	pthread_mutex_unlock(&j->lock);
	return ok;
}

void job_set(struct job *j, const struct link_job_set *m)
{
	pthread_mutex_lock(&j->lock);
	if (m->bps)
		j->wish.bps = m->bps;
	j->wish.step = m->step;
	j->wish.max_blocks = m->max_blocks;
	j->wish.max_fps = m->max_fps;
	j->wish.key = j->wish.key || m->want_key;
	pthread_mutex_unlock(&j->lock);
}

void job_snapshot(struct job *j, uint32_t serial, int fd)
{
	int old;

	pthread_mutex_lock(&j->lock);
	old = j->wish.snapshot;
	j->wish.snapshot = fd;
	j->wish.snapshot_serial = serial;
	pthread_mutex_unlock(&j->lock);
	if (old >= 0)
		close(old); /* the worker asks for one at a time */
}

enum job_stage job_watch(struct job *j)
{
	static const unsigned limit[JOB_STAGES] = {[JOB_START] = PROC_SLOW_TICKS,
		[JOB_DECODE] = PROC_STUCK_TICKS,
		[JOB_LOAD] = PROC_SLOW_TICKS,
		[JOB_FIRST] = PROC_SLOW_TICKS,
		[JOB_DRAW] = PROC_STUCK_TICKS,
		[JOB_ENCODE] = PROC_STUCK_TICKS};
	unsigned progress = atomic_load(&j->progress), stage = atomic_load(&j->stage);

	if (stage == JOB_IDLE || progress != j->seen) {
		j->seen = progress;
		j->ticks = 0;
		return JOB_IDLE;
	}
	return ++j->ticks >= limit[stage] ? (enum job_stage)stage : JOB_IDLE;
}
