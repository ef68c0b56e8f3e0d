/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/armf_pool_int.h"

#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_sock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_BYTES (2 * (size_t)LINK_RING_BYTES)
#define KEY_AGAIN_MS 200 /* between two requests for a key frame */
#define SMOOTH 8 /* of the times in the statistics */

static struct pool_job *get(const struct armf_pool *pool, uint32_t id)
{
	return ar_ids_get(&pool->jobs, id);
}

static void later(struct armf_pool *pool)
{
	if (pool->kick)
		event_active(pool->kick, EV_TIMEOUT, 0);
}

/* ---- open and close ---- */

static void end_snapshot(struct pool_job *j, int err, struct ar_span png)
{
	void (*done)(void *arg, int err, struct ar_span png) = j->done;

	if (!done)
		return;
	j->done = NULL;
	close(j->png_fd);
	j->png_fd = -1;
	done(j->done_arg, err, png);
}

static void free_job(struct pool_job *j)
{
	if (j->memory)
		munmap(j->memory, MEMORY_BYTES);
	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

void pool_job_free_graves(struct armf_pool *pool)
{
	struct pool_job *j;

	while ((j = pool->graves)) {
		pool->graves = j->grave;
		free_job(j);
	}
}

static int make_memory(struct pool_job *j)
{
	void *mem;

	j->fd = link_memory("mediad-armf-frames", MEMORY_BYTES);
	if (j->fd < 0)
		return j->fd;
	mem = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	j->memory = mem;
	return 0;
}

static int make(struct pool_job **out, const struct armf_job_conf *c,
	const struct armf_job_handlers *h, void *arg)
{
	struct pool_job *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->conf = *c;
	j->conf.own[sizeof(j->conf.own) - 1] = 0;
	snprintf(j->call_id, sizeof(j->call_id), "%s", c->call_id ? c->call_id : "");
	j->conf.call_id = j->call_id;
	j->h = *h;
	j->arg = arg;
	j->bps = c->start_bps;
	j->png_fd = -1;
	err = make_memory(j);
	if (err)
		free_job(j);
	else
		*out = j;
	return err;
}

int armf_job_open(struct armf_pool *pool, const struct armf_job_conf *c,
	const struct armf_job_handlers *h, void *arg, uint32_t *job)
{
	struct pool_proc *proc = NULL;
	struct pool_job *j = NULL;
	unsigned load = 0;
	int err;

	if (!pool->conf.processes)
		return -ENOSYS;
	if ((unsigned)c->in > DEPAY_H264 || (unsigned)c->out > DEPAY_H264 ||
		(unsigned)c->op > ARMF_SPLIT_RENDER)
		return -EINVAL;
	if (c->scene && !ar_ids_get(&pool->scenes, c->scene))
		return -ENOENT;
	err = pool_load_place(pool, c, &proc, &load);
	if (!err)
		err = make(&j, c, h, arg);
	if (!err)
		err = ar_ids_add(&pool->jobs, j, &j->id);
	if (err) {
		pool->st.refused += err == -EBUSY;
		if (j)
			free_job(j);
		return err == -ENOSPC ? -EBUSY : err;
	}
	j->proc = proc;
	j->load = load;
	*job = j->id;
	if (proc->ready)
		pool_job_ask(j);
	return 0;
}

void armf_job_close(struct armf_pool *pool, uint32_t job)
{
	struct pool_job *j = ar_ids_remove(&pool->jobs, job);
	struct link_msg m = {.h = {.type = LINK_JOB_CLOSE, .id = job}};

	if (!j)
		return;
	if (j->asked)
		pool_proc_send(j->proc, &m, -1);
	end_snapshot(j, -ECANCELED, AR_SPAN_NONE);
	j->grave = pool->graves; /* we may be inside one of its handlers */
	pool->graves = j;
	later(pool);
}

void pool_job_ask(struct pool_job *j)
{
	const struct armf_job_conf *c = &j->conf;
	struct pool_scene *s = ar_ids_get(&j->proc->pool->scenes, c->scene);
	struct link_msg m = {.h = {.type = LINK_JOB_OPEN, .id = j->id}};
	struct link_job_open *o = &m.u.job_open;

	if (s && pool_scene_tell(j->proc, s) != 0)
		ar_log_limited(AR_LOG_WARN, "armf", "[%s] too many scenes in one media processor",
			j->call_id);
	*o = (struct link_job_open){.op = c->op,
		.in = c->in,
		.out = c->out,
		.scene = c->scene,
		.max_width = c->max_width > 65535 ? 65535 : c->max_width,
		.max_height = c->max_height > 65535 ? 65535 : c->max_height,
		.max_fps = c->max_fps > 1000 ? 1000 : c->max_fps,
		.max_blocks = c->max_blocks,
		.start_bps = j->bps,
		.step = j->step,
		.splice = j->proc->pool->conf.splice};
	memcpy(o->own, c->own, sizeof(o->own));
	memcpy(o->call_id, j->call_id, sizeof(o->call_id));
	j->in = (struct link_ring){0};
	j->seq_in = j->seq_out = 0;
	j->wait_key = true;
	j->asked = true;
	j->reopen_at = 0;
	pool_proc_send(j->proc, &m, j->fd);
}

void pool_job_state(struct pool_job *j, bool up, const char *reason)
{
	bool was = j->up;

	j->up = up;
	if (!up)
		j->asked = false;
	j->wait_key = true;
	j->key_told = 0;
	j->in = (struct link_ring){0};
	if (!up && j->done)
		end_snapshot(j, -ENOTCONN, AR_SPAN_NONE);
	if (was != up && j->h.on_state)
		j->h.on_state(j->arg, up, reason);
}

/* ---- from the process ---- */

const char *pool_job_on_up(struct pool_proc *p, const struct link_msg *m)
{
	struct pool_job *j = get(p->pool, m->h.id);
	const struct link_job_up *u = &m->u.job_up;
	struct link_msg close_it = {.h = {.type = LINK_JOB_CLOSE, .id = m->h.id}};

	if (!j || j->proc != p || !j->asked)
		return NULL;
	if (j->up)
		return "a job that is up already";
	if (u->err == 0) {
		pool_job_state(j, true, "");
		return NULL;
	}
	ar_log_limited(AR_LOG_WARN, "armf", "[%s] media processor refuses the job: %s %s",
		j->call_id, strerror(-u->err), u->why);
	pool_proc_send(p, &close_it, -1);
	j->asked = false;
	j->reopen_at = ar_now() + POOL_REOPEN_MS * AR_MS;
	return NULL;
}

static uint32_t smooth(uint32_t old, uint32_t now)
{
	return old ? old + ((int32_t)(now - old)) / SMOOTH : now;
}

/* Frames as they went out, and each change of how they do. */
static void count_splice(struct pool_job *j, const struct link_work *w)
{
	struct armf_pool_stats *st = &j->proc->pool->st;

	_Static_assert(sizeof(st->splice_ends) / sizeof(st->splice_ends[0]) == LINK_SPLICES,
		"a counter for each");

	if (w->fate == LINK_FATE_OUT && w->splice == LINK_SPLICED) {
		j->st.spliced++;
		j->st.blocks += w->blocks;
		j->st.recoded += w->recoded;
		st->frames_spliced++;
		st->blocks += w->blocks;
		st->blocks_recoded += w->recoded;
	}
	if (w->fate == LINK_FATE_OUT || w->fate == LINK_FATE_RATE) {
		if (j->splice == LINK_SPLICED && w->splice != j->splice)
			st->splice_ends[w->splice]++;
		j->splice = w->splice;
		j->st.splice = link_splice_name(w->splice);
	}
}

static void count(struct pool_job *j, const struct link_work *w)
{
	struct armf_job_stats *st = &j->st;

	if (w->decode_us)
		st->decode_us = smooth(st->decode_us, w->decode_us);
	st->cached += w->cached;
	count_splice(j, w);
	if (w->fate == LINK_FATE_OUT) {
		st->draw_us = smooth(st->draw_us, w->draw_us);
		st->encode_us = smooth(st->encode_us, w->encode_us);
		j->frames++;
	} else if (w->fate == LINK_FATE_LATE) {
		st->late++;
	} else if (w->fate == LINK_FATE_BROKEN) {
		st->undecodable++;
	} else if (w->fate != LINK_FATE_HIDDEN && w->fate != LINK_FATE_STEP) {
		st->dropped++;
		j->proc->pool->st.frames_dropped++;
	}
}

/* Told outside of whatever call found it, and not for every frame that comes meanwhile. */
static void tell_key(struct pool_job *j)
{
	uint64_t now = ar_now();

	if (now < j->key_told + KEY_AGAIN_MS * AR_MS)
		return;
	j->key_told = now;
	j->tell_key = true;
	later(j->proc->pool);
}

static void need_key(struct pool_job *j)
{
	j->wait_key = true;
	tell_key(j);
}

void pool_job_tell_keys(struct armf_pool *pool)
{
	struct pool_job *j;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&pool->jobs, &pos))) {
		bool tell = j->tell_key;

		j->tell_key = false;
		if (tell && j->h.on_need_key)
			j->h.on_need_key(j->arg);
	}
}

/* The frame that a message is about is under way no more. */
static const char *settle(struct pool_job *j, const struct link_work *w, unsigned pixels)
{
	if (!link_ring_taken(&j->in, w->seq))
		return "a frame that was not given";
	j->sent_at = ar_now();
	count(j, w);
	pool_load_measure(j, w, pixels);
	if (w->need_key && !j->wait_key)
		need_key(j);
	else if (w->ask_key)
		tell_key(j);
	return NULL;
}

const char *pool_job_on_done(struct pool_proc *p, const struct link_msg *m)
{
	struct pool_job *j = get(p->pool, m->h.id);

	if (!j || j->proc != p || !j->up)
		return NULL;
	return settle(j, &m->u.done.work, 0);
}

static void deliver(struct pool_job *j, const struct link_out *o)
{
	struct armf_frame_out f = {.ts = o->ts,
		.key = o->key,
		.drawn = o->drawn,
		.splices =
			o->work.splice != LINK_SPLICE_OFF && o->work.splice != LINK_SPLICE_FAILED,
		.width = (uint16_t)o->width,
		.height = (uint16_t)o->height};

	/* what is parsed must not change meanwhile */
	memcpy(j->proc->pool->scratch, j->memory + LINK_RING_BYTES + o->offset, o->size);
	f.data = (struct ar_span){j->proc->pool->scratch, o->size};
	memcpy(f.pose, o->pose, sizeof(f.pose));
	if (j->h.on_frame)
		j->h.on_frame(j->arg, &f);
}

const char *pool_job_on_out(struct pool_proc *p, const struct link_msg *m)
{
	struct pool_job *j = get(p->pool, m->h.id);
	const struct link_out *o = &m->u.out;
	struct link_msg taken = {.h = {.type = LINK_TAKEN, .id = m->h.id}};
	const char *wrong;

	if (!j || j->proc != p || !j->up)
		return NULL;
	if (o->seq != j->seq_out + 1)
		return "number of a frame";
	wrong = settle(j, &o->work, o->width * o->height);
	if (wrong)
		return wrong;
	j->seq_out = o->seq;
	j->st.out++;
	j->st.drawn += o->drawn;
	j->st.width = (uint16_t)o->width;
	j->st.height = (uint16_t)o->height;
	p->pool->st.frames_out++;
	deliver(j, o); /* j may be closed now, not freed */
	taken.u.taken.seq = o->seq;
	pool_proc_send(p, &taken, -1);
	return NULL;
}

/* ---- to the process ---- */

static void fill_cameras(struct link_frame *l, const struct armf_frame_in *f)
{
	l->views = f->views > 2 ? 2 : f->views;
	for (uint32_t i = 0; i < l->views; i++) {
		const struct armf_camera *c = &f->camera[i];
		struct link_camera *k = &l->camera[i];

		memcpy(k->position, c->position, sizeof(k->position));
		memcpy(k->orientation, c->orientation, sizeof(k->orientation));
		memcpy(k->projection, c->projection, sizeof(k->projection));
		k->fov_y = c->fov_y;
	}
}

static int send_frame(struct pool_job *j, const struct armf_frame_in *f, uint32_t size)
{
	struct link_msg m = {.h = {.type = LINK_FRAME, .id = j->id}};
	struct link_frame *l = &m.u.frame;
	int err = -ENOBUFS;

	if (j->in.n >= POOL_MAX_WAITING)
		return err;
	l->seq = j->seq_in + 1;
	err = link_ring_put(&j->in, size, l->seq, &l->offset);
	if (err)
		return err;
	l->size = size;
	l->ts = f->ts;
	l->key = f->key;
	l->capture = f->capture;
	fill_cameras(l, f);
	if (link_msg_check(&m, link_msg_size(LINK_FRAME), 0, LINK_FROM_FRONT))
		l->views = 0; /* not a finite number: the camera is unknown */
	if (size)
		memcpy(j->memory + l->offset, f->data.p, size);
	if (pool_proc_try(j->proc, &m) != 0) {
		link_ring_undo(&j->in);
		return -ENOBUFS;
	}
	if (j->in.n == 1)
		j->sent_at = ar_now();
	j->seq_in++;
	pool_load_given(j, l->seq, l->ts);
	return 0;
}

int armf_job_frame(struct armf_pool *pool, uint32_t job, const struct armf_frame_in *f)
{
	struct pool_job *j = get(pool, job);
	int err = 0;

	if (!j)
		return -ENOENT;
	if (f->data.n == 0 || f->data.n > ARMF_MAX_FRAME)
		return -EMSGSIZE;
	j->st.in++;
	pool->st.frames_in++;
	if (!j->up)
		err = -ENOTCONN;
	else if (j->wait_key && !f->key)
		err = -ENOBUFS;
	else
		err = send_frame(j, f, (uint32_t)f->data.n);
	if (!err) {
		j->wait_key = false;
		return 0;
	}
	j->st.dropped++;
	pool->st.frames_dropped++;
	if (err == -ENOBUFS)
		need_key(j);
	return err;
}

int armf_job_render(struct armf_pool *pool, uint32_t job, const struct armf_frame_in *f)
{
	struct pool_job *j = get(pool, job);
	int err;

	if (!j)
		return -ENOENT;
	if (j->conf.op != ARMF_SPLIT_RENDER)
		return -EINVAL;
	j->st.in++;
	pool->st.frames_in++;
	/* one is drawn, one waits: a later pose is better than an older one */
	err = !j->up ? -ENOTCONN : j->in.n >= 2 ? -ENOBUFS : send_frame(j, f, 0);
	if (err) {
		j->st.dropped++;
		pool->st.frames_dropped++;
	}
	return err;
}

static void send_set(struct pool_job *j, bool key)
{
	struct link_msg m = {.h = {.type = LINK_JOB_SET, .id = j->id}};

	m.u.job_set.bps = j->bps;
	m.u.job_set.max_blocks = j->conf.max_blocks;
	m.u.job_set.max_fps = j->conf.max_fps > 1000 ? 1000 : j->conf.max_fps;
	m.u.job_set.step = j->step;
	m.u.job_set.want_key = key;
	if (j->asked)
		pool_proc_send(j->proc, &m, -1);
}

void armf_job_want_key(struct armf_pool *pool, uint32_t job)
{
	struct pool_job *j = get(pool, job);

	if (j)
		send_set(j, true);
}

void armf_job_set_rate(struct armf_pool *pool, uint32_t job, uint32_t bps)
{
	struct pool_job *j = get(pool, job);

	if (!j || j->bps == bps)
		return;
	j->bps = bps;
	send_set(j, false);
}

void armf_job_set_limits(
	struct armf_pool *pool, uint32_t job, unsigned max_blocks, unsigned max_fps)
{
	struct pool_job *j = get(pool, job);

	if (!j || (j->conf.max_blocks == max_blocks && j->conf.max_fps == max_fps))
		return;
	j->conf.max_blocks = max_blocks;
	j->conf.max_fps = max_fps;
	send_set(j, false);
}

void pool_job_set_step(struct pool_job *j, unsigned step)
{
	j->step = step;
	j->st.step = (uint8_t)step;
	send_set(j, false);
}

int armf_job_get_stats(const struct armf_pool *pool, uint32_t job, struct armf_job_stats *out)
{
	const struct pool_job *j = get(pool, job);

	if (!j)
		return -ENOENT;
	*out = j->st;
	if (!out->splice)
		out->splice = "";
	return 0;
}

/* ---- snapshots ---- */

int armf_job_snapshot(struct armf_pool *pool, uint32_t job,
	void (*done)(void *arg, int err, struct ar_span png), void *arg)
{
	struct pool_job *j = get(pool, job);
	struct link_msg m = {.h = {.type = LINK_SNAPSHOT, .id = job}};

	if (!j)
		return -ENOENT;
	if (!j->up)
		return -ENOTCONN;
	if (j->done)
		return -EBUSY;
	j->png_fd = link_memory("mediad-armf-png", LINK_MAX_PNG);
	if (j->png_fd < 0)
		return j->png_fd;
	j->done = done;
	j->done_arg = arg;
	j->done_by = ar_now() + POOL_SNAPSHOT_MS * AR_MS;
	m.u.snapshot.serial = ++j->png_serial;
	pool_proc_send(j->proc, &m, j->png_fd);
	return 0;
}

const char *pool_job_on_snapped(struct pool_proc *p, const struct link_msg *m)
{
	struct pool_job *j = get(p->pool, m->h.id);
	const struct link_snapped *s = &m->u.snapped;
	char *png;
	int err = s->err;

	if (!j || j->proc != p || !j->done || s->serial != j->png_serial)
		return NULL;
	png = malloc(s->size ? s->size : 1);
	if (!err && (!png || pread(j->png_fd, png, s->size, 0) != (ssize_t)s->size))
		err = -EIO;
	end_snapshot(j, err, err ? AR_SPAN_NONE : (struct ar_span){png, s->size});
	free(png);
	return NULL;
}

/* ---- time ---- */

void pool_job_check(struct pool_job *j, uint64_t now)
{
	if (j->done && now >= j->done_by)
		end_snapshot(j, -ETIMEDOUT, AR_SPAN_NONE);
	if (j->reopen_at && now >= j->reopen_at && j->proc->ready)
		pool_job_ask(j);
	if (j->up && j->in.n && now > j->sent_at && now - j->sent_at > POOL_FRAME_MS * AR_MS)
		pool_proc_kill(j->proc, "a frame never came back", &j->proc->pool->st.hung);
}
