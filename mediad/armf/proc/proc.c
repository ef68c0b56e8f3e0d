/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/proc/proc.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_sock.h"
#include "mediad/armf/proc/job.h"
#include "mediad/armf/proc/scene.h"
#include "mediad/armf/proc/side.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void proc_send(struct proc *p, const struct link_msg *m)
{
	if (link_send(p->sock, m, -1) == 0)
		return;
	_exit(0); /* the worker is gone or stands still: nobody has a use for this process */
}

/* ---- tables ---- */

static struct scene **scene_slot(struct proc *p, uint32_t id)
{
	struct scene **spare = NULL;

	for (unsigned i = 0; i < PROC_MAX_SCENES; i++) {
		if (p->scene[i] && scene_id(p->scene[i]) == id)
			return &p->scene[i];
		if (!p->scene[i] && !spare)
			spare = &p->scene[i];
	}
	return spare;
}

static struct scene *find_scene(struct proc *p, uint32_t id)
{
	struct scene **s = scene_slot(p, id);

	return s ? *s : NULL;
}

/* id 0: a free one */
static struct job *find_job(struct proc *p, uint32_t id)
{
	for (unsigned i = 0; i < p->njob; i++) {
		if (job_id(p->job[i]) == id)
			return p->job[i];
	}
	return NULL;
}

/* ---- messages; each takes over fd, NULL or what the worker did wrong ---- */

static const char *on_scene(struct proc *p, const struct link_msg *m, int fd)
{
	struct scene **s = scene_slot(p, m->h.id);

	if (s && !*s)
		*s = scene_new(m->h.id, m->u.scene.epoch);
	if (!s || !*s) {
		close(fd);
		return "too many scenes";
	}
	side_document(p->side, *s, &m->u.scene, fd);
	return NULL;
}

static const char *on_scene_close(struct proc *p, const struct link_msg *m, int fd)
{
	struct scene **s = scene_slot(p, m->h.id);

	(void)fd;
	if (s && *s) {
		scene_unref(*s); /* its jobs have references of their own */
		*s = NULL;
	}
	return NULL;
}

static const char *on_pose(struct proc *p, const struct link_msg *m, int fd)
{
	struct scene *s = find_scene(p, m->h.id);

	(void)fd;
	if (s)
		scene_pose(s, &m->u.pose);
	return NULL;
}

static const char *on_asset(struct proc *p, const struct link_msg *m, int fd)
{
	side_asset(p->side, &m->u.asset, fd);
	return NULL;
}

static const char *on_job_open(struct proc *p, const struct link_msg *m, int fd)
{
	struct link_msg no = {.h = {.type = LINK_JOB_UP, .id = m->h.id}};
	struct job *j = find_job(p, 0);

	if (j) {
		job_open(j, m->h.id, &m->u.job_open, find_scene(p, m->u.job_open.scene), fd);
		return NULL;
	}
	close(fd);
	no.u.job_up.err = -EBUSY;
	proc_send(p, &no);
	return NULL;
}

static const char *on_job_close(struct proc *p, const struct link_msg *m, int fd)
{
	struct job *j = find_job(p, m->h.id);

	(void)fd;
	if (j)
		job_close(j);
	return NULL;
}

static const char *on_job_set(struct proc *p, const struct link_msg *m, int fd)
{
	struct job *j = find_job(p, m->h.id);

	(void)fd;
	if (j)
		job_set(j, &m->u.job_set);
	return NULL;
}

static const char *on_frame(struct proc *p, const struct link_msg *m, int fd)
{
	struct job *j = find_job(p, m->h.id);

	(void)fd;
	return !j || job_frame(j, &m->u.frame) ? NULL : "too many frames";
}

static const char *on_taken(struct proc *p, const struct link_msg *m, int fd)
{
	struct job *j = find_job(p, m->h.id);

	(void)fd;
	return !j || job_taken(j, m->u.taken.seq) ? NULL : "a frame taken that was not given";
}

static const char *on_snapshot(struct proc *p, const struct link_msg *m, int fd)
{
	struct job *j = find_job(p, m->h.id);

	if (j)
		job_snapshot(j, m->u.snapshot.serial, fd);
	else
		close(fd);
	return NULL;
}

static const char *dispatch(struct proc *p, const struct link_msg *m, int fd)
{
	static const char *(*const on[])(struct proc * p, const struct link_msg *m, int fd) = {
		[LINK_SCENE] = on_scene,
		[LINK_SCENE_CLOSE] = on_scene_close,
		[LINK_POSE] = on_pose,
		[LINK_ASSET] = on_asset,
		[LINK_JOB_OPEN] = on_job_open,
		[LINK_JOB_CLOSE] = on_job_close,
		[LINK_JOB_SET] = on_job_set,
		[LINK_FRAME] = on_frame,
		[LINK_TAKEN] = on_taken,
		[LINK_SNAPSHOT] = on_snapshot,
	};

	return on[m->h.type](p, m, fd);
}

/* ---- sign of life ---- */

static void say_hello(struct proc *p)
{
	const struct render_info *info = render_get_info(p->render);
	struct link_msg m = {.h = {.type = LINK_HELLO}};
	size_t n = strnlen(info->renderer, sizeof(m.u.hello.renderer) - 1);

	m.u.hello.version = LINK_VERSION;
	m.u.hello.hardware = info->hardware;
	memcpy(m.u.hello.renderer, info->renderer, n);
	proc_send(p, &m);
}

/* Returns a job that is stuck, 0: none. */
static uint32_t watch(struct proc *p, uint32_t *stage)
{
	uint32_t id = 0;

	for (unsigned i = 0; i < p->njob; i++) {
		enum job_stage s = job_watch(p->job[i]);

		if (s != JOB_IDLE) {
			id = job_id(p->job[i]);
			*stage = s;
		}
	}
	return id;
}

static void tick(struct proc *p, unsigned *n)
{
	struct link_msg m = {.h = {.type = LINK_BEAT}};
	struct rusage u;

	m.u.beat.stuck = watch(p, &m.u.beat.stuck_stage);
	if (++*n % PROC_BEAT_TICKS && !m.u.beat.stuck)
		return;
	getrusage(RUSAGE_SELF, &u);
	m.u.beat.cpu_us = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * AR_SEC +
			  (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	proc_send(p, &m);
}

/* ---- the loop ---- */

/* All that has come. 1: go on, 0: the worker is gone, -EPROTO: it is not our worker. */
static int receive(struct proc *p)
{
	struct link_msg m;
	unsigned nfd;
	int fd, n;

	while ((n = link_recv(p->sock, &m, &fd, &nfd, false)) > 0) {
		const char *wrong = link_msg_check(&m, (size_t)n, nfd, LINK_FROM_FRONT);

		if (!wrong)
			wrong = dispatch(p, &m, fd);
		else if (fd >= 0)
			close(fd);
		if (wrong) {
			ar_log(AR_LOG_ERR, "armf", "bad message of type %u: %s", m.h.type, wrong);
			return -EPROTO;
		}
	}
	return n == -EAGAIN;
}

int proc_run(struct proc *p)
{
	struct pollfd in = {.fd = p->sock, .events = POLLIN};
	uint64_t next = ar_now() + PROC_TICK_MS * AR_MS;
	unsigned ticks = 0;
	int go = 1;

	say_hello(p);
	while (go == 1) {
		uint64_t now = ar_now();

		if (now >= next) {
			tick(p, &ticks);
			next = now + PROC_TICK_MS * AR_MS;
		}
		if (poll(&in, 1, (int)((next - now) / AR_MS) + 1) > 0)
			go = receive(p);
	}
	return go < 0 ? 1 : 0;
}
