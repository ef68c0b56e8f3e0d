/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/armf_pool_int.h"

#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SOCKET 3
#define MAX_ENV 64
#define STOP_WAIT_MS 500
#define BATCH 64 /* messages of one process before others have their turn */

extern char **environ;

void pool_proc_init(struct pool_proc *p, struct armf_pool *pool, unsigned index)
{
	p->pool = pool;
	p->index = index;
	p->sock = -1;
	p->last = &p->first;
}

/* ---- sending ---- */

static void free_queue(struct pool_proc *p)
{
	struct pool_queued *q;

	while ((q = p->first)) {
		p->first = q->next;
		if (q->fd >= 0)
			close(q->fd);
		free(q);
	}
	p->last = &p->first;
	p->nqueue = 0;
}

static void enqueue(struct pool_proc *p, const struct link_msg *m, int fd)
{
	struct pool_queued *q = p->nqueue < POOL_MAX_QUEUE ? calloc(1, sizeof(*q)) : NULL;

	if (!q) {
		pool_proc_kill(p, "media processor takes no messages", &p->pool->st.hung);
		return;
	}
	q->msg = *m;
	q->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	*p->last = q;
	p->last = &q->next;
	p->nqueue++;
	event_add(p->writable, NULL);
}

void pool_proc_send(struct pool_proc *p, const struct link_msg *m, int fd)
{
	if (!p->ready)
		return; /* everything is told when it is */
	if (p->first || link_send(p->sock, m, fd) == -EAGAIN)
		enqueue(p, m, fd);
}

int pool_proc_try(struct pool_proc *p, const struct link_msg *m)
{
	if (!p->ready)
		return -ENOTCONN;
	return p->first ? -EAGAIN : link_send(p->sock, m, -1);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct pool_proc *p = arg;
	struct pool_queued *q;

	(void)what;
	while ((q = p->first)) {
		if (link_send(fd, &q->msg, q->fd) == -EAGAIN) {
			event_add(p->writable, NULL);
			return;
		}
		p->first = q->next;
		if (!p->first)
			p->last = &p->first;
		p->nqueue--;
		if (q->fd >= 0)
			close(q->fd);
		free(q);
	}
}

/* ---- receiving ---- */

static const char *on_hello(struct pool_proc *p, const struct link_msg *m)
{
	struct armf_pool *pool = p->pool;
	struct pool_job *j;
	uint32_t pos = 0;

	if (p->ready)
		return "a second hello";
	p->ready = p->greeted = true;
	p->told = false;
	memcpy(pool->st.renderer, m->u.hello.renderer, sizeof(pool->st.renderer));
	ar_log(AR_LOG_NOTICE, "armf", "media processor %u (process %d) runs: %s%s", p->index,
		(int)p->pid, m->u.hello.renderer, m->u.hello.hardware ? "" : ", software");
	while ((j = ar_ids_next(&pool->jobs, &pos))) {
		if (j->proc == p)
			pool_job_ask(j);
	}
	return NULL;
}

static const char *on_beat(struct pool_proc *p, const struct link_msg *m)
{
	char reason[64];

	p->cpu_us = m->u.beat.cpu_us;
	p->cpu_at = ar_now();
	if (!m->u.beat.stuck)
		return NULL;
	snprintf(reason, sizeof(reason), "media processor hung (stage %u)", m->u.beat.stuck_stage);
	pool_proc_kill(p, reason, &p->pool->st.hung);
	return NULL;
}

static const char *dispatch(struct pool_proc *p, const struct link_msg *m)
{
	static const char *(*const on[])(struct pool_proc * p, const struct link_msg *m) = {
		[LINK_HELLO] = on_hello,
		[LINK_BEAT] = on_beat,
		[LINK_WANT_ASSET] = pool_scene_on_want_asset,
		[LINK_SCENE_DONE] = pool_scene_on_done,
		[LINK_JOB_UP] = pool_job_on_up,
		[LINK_OUT] = pool_job_on_out,
		[LINK_DONE] = pool_job_on_done,
		[LINK_SNAPPED] = pool_job_on_snapped,
	};

	if (!p->ready && m->h.type != LINK_HELLO)
		return "no hello";
	return on[m->h.type](p, m);
}

static void on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct pool_proc *p = arg;
	struct link_msg m;
	unsigned nfd;
	int fd, n = 1;

	(void)what;
	for (unsigned i = 0; i < BATCH && n > 0 && !p->dying; i++) {
		const char *wrong;

		n = link_recv(sock, &m, &fd, &nfd, false);
		if (fd >= 0)
			close(fd); /* there is no message with one: the check refuses it */
		if (n <= 0)
			break;
		p->heard = ar_now();
		wrong = link_msg_check(&m, (size_t)n, nfd, LINK_FROM_PROC);
		if (!wrong)
			wrong = dispatch(p, &m);
		if (wrong) {
			ar_log(AR_LOG_ERR, "armf", "media processor %u: bad message of type %u: %s",
				p->index, m.h.type, wrong);
			pool_proc_kill(p, "bad message", &p->pool->st.died);
		}
	}
	if (n == 0 || (n < 0 && n != -EAGAIN))
		pool_proc_kill(p, "processor died", &p->pool->st.died);
}

/* ---- life ---- */

/* What libraries look at; nothing else of the worker's environment is passed on. */
static bool env_passes(const char *v)
{
	static const char *const prefix[] = {"MESA_", "LIBGL_", "GALLIUM_", "LP_", "EGL_", "__EGL_",
		"__GLX_", "__NV", "NVIDIA_", "LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
		"TSAN_OPTIONS=", "LSAN_OPTIONS=", "JOURNAL_STREAM=", "IMS_AR_"};

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
		if (strncmp(v, prefix[i], strlen(prefix[i])) == 0)
			return true;
	}
	return false;
}

static void make_env(char **env)
{
	unsigned n = 0;

	env[n++] = "LC_ALL=C";
	env[n++] = "HOME=/nonexistent";
	for (char **e = environ; *e && n < MAX_ENV; e++) {
		if (env_passes(*e))
			env[n++] = *e;
	}
	env[n] = NULL;
}

static const char *log_level(void)
{
	return ar_log_on(AR_LOG_DEBUG) ? "debug" : ar_log_on(AR_LOG_INFO) ? "info" : "notice";
}

static int prepare(posix_spawn_file_actions_t *f, posix_spawnattr_t *a, int sock)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawn_file_actions_addopen(f, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(f, STDERR_FILENO, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(f, sock, CHILD_SOCKET);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(f, CHILD_SOCKET + 1);
	if (!err)
		err = posix_spawnattr_setsigmask(a, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(a, &all);
	if (!err)
		err = posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return err;
}

static int spawn(struct pool_proc *p, int sock)
{
	const struct armf_pool_conf *c = &p->pool->conf;
	char device[16], jobs[16], triangles[16], *env[MAX_ENV + 1];
	char *argv[] = {(char *)"mediad-armf", (char *)"--platform", (char *)c->platform,
		(char *)"--device", device, (char *)"--cache", (char *)c->cache_dir,
		(char *)"--max-jobs", jobs, (char *)"--max-triangles", triangles, (char *)"--h264",
		(char *)(c->h264 ? c->h264 : "x264"), (char *)"--log-level", (char *)log_level(),
		p->told ? (char *)"--again" : NULL, NULL};
	posix_spawn_file_actions_t f;
	posix_spawnattr_t a;
	int err;

	snprintf(device, sizeof(device), "%d", c->device);
	snprintf(jobs, sizeof(jobs), "%u", c->max_jobs);
	snprintf(triangles, sizeof(triangles), "%u", c->max_triangles);
	make_env(env);
	posix_spawn_file_actions_init(&f);
	posix_spawnattr_init(&a);
	err = prepare(&f, &a, sock);
	if (!err)
		err = posix_spawn(&p->pid, c->program, &f, &a, argv, env);
	posix_spawnattr_destroy(&a);
	posix_spawn_file_actions_destroy(&f);
	if (err)
		p->pid = 0;
	return -err;
}

static int watch_socket(struct pool_proc *p)
{
	struct event_base *base = p->pool->base;

	p->readable = event_new(base, p->sock, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(base, p->sock, EV_WRITE, on_writable, p);
	if (!p->readable || !p->writable || event_add(p->readable, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static void close_socket(struct pool_proc *p)
{
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	p->readable = p->writable = NULL;
	if (p->sock >= 0)
		close(p->sock);
	p->sock = -1;
	free_queue(p);
}

static int start(struct pool_proc *p, uint64_t now)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	p->sock = pair[0];
	evutil_make_socket_nonblocking(p->sock);
	err = watch_socket(p);
	if (!err)
		err = spawn(p, pair[1]);
	close(pair[1]);
	if (err) {
		close_socket(p);
		return err;
	}
	p->ready = p->dying = p->greeted = false;
	p->started = p->heard = now;
	p->nknown = 0;
	p->cpu_us = p->cpu_seen_us = p->cpu_at = p->cpu_seen_at = 0;
	p->used = p->over = p->under = p->hold = 0;
	p->pool->st.started++;
	return 0;
}

static void back_off(struct pool_proc *p, uint64_t now)
{
	if (now - p->started > POOL_STABLE_MS * AR_MS) {
		p->retry_ms = 0;
		p->retry_at = now;
		return;
	}
	p->retry_ms = p->retry_ms ? p->retry_ms * 2 : POOL_RETRY_MS;
	if (p->retry_ms > POOL_RETRY_MAX_MS)
		p->retry_ms = POOL_RETRY_MAX_MS;
	p->retry_at = now + p->retry_ms * AR_MS;
}

/* That it does not start is told once: the same every few seconds is no news. */
static enum ar_log_level loud(const struct pool_proc *p)
{
	return p->told ? AR_LOG_DEBUG : AR_LOG_ERR;
}

void pool_proc_kill(struct pool_proc *p, const char *reason, uint64_t *counter)
{
	struct pool_job *j;
	uint32_t pos = 0;

	if (!p->pid || p->dying)
		return;
	++*counter;
	ar_log(loud(p), "armf", "media processor %u (process %d): %s; it is replaced", p->index,
		(int)p->pid, reason);
	p->dying = true;
	p->ready = false;
	kill(p->pid, SIGKILL); /* our child and not waited for: the number is still its own */
	event_del(p->readable);
	event_del(p->writable);
	while ((j = ar_ids_next(&p->pool->jobs, &pos))) {
		if (j->proc == p)
			pool_job_state(j, false, reason);
	}
}

static void reap(struct pool_proc *p, uint64_t now)
{
	int status = 0;

	if (waitpid(p->pid, &status, WNOHANG) == 0)
		return;
	if (!p->dying)
		pool_proc_kill(p, "processor died", &p->pool->st.died);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		ar_log(loud(p), "armf", "media processor %u ended with status %d", p->index,
			WEXITSTATUS(status));
	p->told = !p->greeted;
	close_socket(p);
	p->pid = 0;
	p->dying = false;
	back_off(p, now);
}

static bool hung(const struct pool_proc *p, uint64_t now)
{
	uint64_t limit = p->ready ? POOL_SILENT_MS : POOL_START_MS;

	return now > p->heard && now - p->heard > limit * AR_MS;
}

void pool_proc_check(struct pool_proc *p, uint64_t now)
{
	int err;

	if (p->pid)
		reap(p, now);
	if (p->pid && !p->dying && hung(p, now))
		pool_proc_kill(p, "media processor gives no sign of life", &p->pool->st.hung);
	if (p->pid || now < p->retry_at)
		return;
	err = start(p, now);
	if (!err)
		return;
	ar_log(loud(p), "armf", "cannot start %s: %s; it is tried again every %u s",
		p->pool->conf.program, strerror(-err), POOL_RETRY_MAX_MS / 1000);
	p->told = true;
	p->started = now;
	back_off(p, now);
}

void pool_proc_check_memory(struct pool_proc *p)
{
	uint64_t limit = (uint64_t)p->pool->conf.memory_mb << 20, pages;
	char path[32], reason[64];
	FILE *f;
	int n;

	if (!p->pid || p->dying || !limit)
		return;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)p->pid);
	f = fopen(path, "re");
	if (!f)
		return; /* it has ended: reap() sees to it */
	n = fscanf(f, "%*u %lu", &pages);
	fclose(f);
	if (n != 1 || pages * (uint64_t)sysconf(_SC_PAGESIZE) <= limit)
		return;
	snprintf(reason, sizeof(reason), "uses more than %u MiB", p->pool->conf.memory_mb);
	pool_proc_kill(p, reason, &p->pool->st.over_memory);
}

/* The end of the socket tells it; several end at the same time. */
void pool_proc_hang_up(struct pool_proc *p)
{
	p->ready = false;
	close_socket(p);
}

/* The stubborn are killed. */
void pool_proc_stop(struct pool_proc *p)
{
	uint64_t until = ar_now() + STOP_WAIT_MS * AR_MS;

	while (p->pid && waitpid(p->pid, NULL, WNOHANG) == 0) {
		if (ar_now() > until)
			kill(p->pid, SIGKILL);
		usleep(5000);
	}
	p->pid = 0;
}
