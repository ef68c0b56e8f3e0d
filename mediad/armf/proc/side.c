/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/proc/side.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_sock.h"
#include "mediad/armf/proc/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ASSET_WAIT_MS 2000
#define MAX_ASSETS 64 /* of one document */
#define MAX_ASSET_BYTES (2u * LINK_MAX_ASSET) /* of one document, together */

struct work {
	struct work *next;
	struct scene *scene; /* a document; NULL: a snapshot */
	struct link_scene doc;
	struct codec_picture picture;
	uint32_t job, serial;
	int fd;
};

struct side {
	struct proc *p;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, answered;
	struct work *first;
	unsigned snapshots;
	uint32_t asset_serial; /* asked for last; 0 in answer: none yet */
	struct link_asset asset;
	int asset_fd;
	bool asset_here;
};

/* ---- assets ---- */

struct loading {
	struct side *s;
	uint32_t scene;
	unsigned n;
	size_t bytes;
	char *mem[MAX_ASSETS];
};

static int ask(struct side *s, uint32_t scene, const char *uri)
{
	struct link_msg m = {.h = {.type = LINK_WANT_ASSET}};

	pthread_mutex_lock(&s->lock);
	m.u.want_asset.serial = ++s->asset_serial;
	s->asset_here = false;
	pthread_mutex_unlock(&s->lock);
	m.u.want_asset.scene = scene;
	if (strlen(uri) >= sizeof(m.u.want_asset.uri) || !link_uri_ok(uri))
		return -EINVAL;
	memcpy(m.u.want_asset.uri, uri, strlen(uri));
	proc_send(s->p, &m);
	return 0;
}

/* A descriptor, or a negative errno. */
static int await(struct side *s, size_t *size)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ASSET_WAIT_MS / 1000;
	pthread_mutex_lock(&s->lock);
	while (!s->asset_here && rc == 0)
		rc = pthread_cond_timedwait(&s->answered, &s->lock, &until);
	if (!s->asset_here) {
		s->asset_serial++; /* a late answer is not for the next one */
		rc = -ETIMEDOUT;
	} else {
		*size = s->asset.size;
		rc = s->asset.err ? s->asset.err : s->asset_fd < 0 ? -EIO : s->asset_fd;
		s->asset_here = false;
		s->asset_fd = -1;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int read_all(int fd, char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = pread(fd, p + at, n - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO; /* the file became shorter */
		at += (size_t)got;
	}
	return 0;
}

static int resolve(void *user, const char *uri, struct ar_span *bytes)
{
	struct loading *l = user;
	size_t size = 0;
	char *mem;
	int fd, err;

	if (l->n == MAX_ASSETS)
		return -E2BIG;
	err = ask(l->s, l->scene, uri);
	fd = err ? err : await(l->s, &size);
	if (fd < 0)
		return fd;
	mem = size && l->bytes + size <= MAX_ASSET_BYTES ? malloc(size) : NULL;
	err = mem ? read_all(fd, mem, size) : -E2BIG;
	close(fd);
	if (err) {
		free(mem);
		return err;
	}
	l->mem[l->n++] = mem;
	l->bytes += size;
	*bytes = (struct ar_span){mem, size};
	return 0;
}

void side_asset(struct side *s, const struct link_asset *m, int fd)
{
	pthread_mutex_lock(&s->lock);
	if (m->serial == s->asset_serial && !s->asset_here) {
		s->asset = *m;
		s->asset_fd = fd;
		s->asset_here = true;
		fd = -1;
		pthread_cond_signal(&s->answered);
	}
	pthread_mutex_unlock(&s->lock);
	if (fd >= 0)
		close(fd);
}

/* ---- documents ---- */

static int load_bytes(struct side *s, struct work *w, struct ar_span bytes, struct model **out,
	struct ar_buf *why)
{
	struct loading l = {.s = s, .scene = scene_id(w->scene)};
	uint64_t epoch;
	struct model *prev = scene_get_model(w->scene, &epoch);
	struct model_source src = {.bytes = bytes, .resolve = resolve, .user = &l, .prev = prev};
	int err;

	memcpy(src.hash_key, s->p->hash_key, sizeof(src.hash_key));
	err = model_load(out, &src, why);
	model_unref(prev);
	for (unsigned i = 0; i < l.n; i++)
		free(l.mem[i]);
	return err;
}

static int load(struct side *s, struct work *w, struct model **out, struct ar_buf *why)
{
	void *mem;
	int err;

	if (!link_memory_ok(w->fd, w->doc.size))
		return -EINVAL;
	mem = mmap(NULL, w->doc.size, PROT_READ, MAP_SHARED, w->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	err = load_bytes(s, w, (struct ar_span){mem, w->doc.size}, out, why);
	munmap(mem, w->doc.size);
	return err;
}

static void do_document(struct side *s, struct work *w)
{
	struct link_msg m = {.h = {.type = LINK_SCENE_DONE, .id = scene_id(w->scene)}};
	struct model *model = NULL;
	struct ar_buf why;
	size_t n;

	ar_buf_init(&why, LINK_MAX_WHY);
	m.u.scene_done.serial = w->doc.serial;
	m.u.scene_done.err = load(s, w, &model, &why);
	if (model) {
		m.u.scene_done.triangles = model_view(model)->stats.triangles;
		scene_set_model(w->scene, model, w->doc.at);
		model_unref(model);
	}
	n = why.n < LINK_MAX_WHY - 1 ? why.n : LINK_MAX_WHY - 1;
	if (n)
		memcpy(m.u.scene_done.why, why.p, n);
	ar_buf_free(&why);
	proc_send(s->p, &m);
}

/* ---- snapshots ---- */

static int write_png(const struct codec_picture *pic, int fd, uint32_t *size)
{
	struct render_frame f = {.width = (int)pic->width, .height = (int)pic->height};
	struct ar_buf png;
	int err;

	for (int i = 0; i < 3; i++) {
		f.plane[i] = pic->plane[i];
		f.stride[i] = pic->stride[i];
	}
	ar_buf_init(&png, LINK_MAX_PNG);
	err = render_png(&f, &png);
	if (!err && pwrite(fd, png.p, png.n, 0) != (ssize_t)png.n)
		err = -EIO;
	*size = err ? 0 : (uint32_t)png.n;
	ar_buf_free(&png);
	return err;
}

static void answer_snapshot(struct side *s, struct work *w)
{
	struct link_msg m = {.h = {.type = LINK_SNAPPED, .id = w->job}};

	m.u.snapped.serial = w->serial;
	m.u.snapped.err =
		w->picture.width ? write_png(&w->picture, w->fd, &m.u.snapped.size) : -ENOBUFS;
	proc_send(s->p, &m);
}

void side_snapshot(
	struct side *s, uint32_t job, uint32_t serial, const struct codec_picture *pic, int fd)
{
	struct work *w = calloc(1, sizeof(*w)), **at;
	bool room;

	if (!w) {
		close(fd);
		return; /* the worker's own time-out tells */
	}
	*w = (struct work){.job = job, .serial = serial, .fd = fd};
	pthread_mutex_lock(&s->lock);
	room = s->snapshots < SIDE_MAX_SNAPSHOTS;
	if (room && codec_picture_new(&w->picture, pic->width, pic->height) == 0)
		codec_picture_copy(&w->picture, pic);
	s->snapshots++;
	for (at = &s->first; *at; at = &(*at)->next)
		;
	*at = w;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

static void free_work(struct work *w)
{
	codec_picture_free(&w->picture);
	scene_unref(w->scene);
	close(w->fd);
	free(w);
}

static struct work *take(struct side *s)
{
	struct work *w;

	pthread_mutex_lock(&s->lock);
	while (!s->first)
		pthread_cond_wait(&s->wake, &s->lock);
	w = s->first;
	s->first = w->next;
	s->snapshots -= !w->scene;
	pthread_mutex_unlock(&s->lock);
	return w;
}

static void *run(void *arg)
{
	struct side *s = arg;

	for (;;) {
		struct work *w = take(s);

		if (w->scene)
			do_document(s, w);
		else
			answer_snapshot(s, w);
		free_work(w);
	}
	return NULL;
}

/* Takes the scene's waiting document off the list. */
static struct work *remove_older(struct side *s, const struct scene *scene)
{
	for (struct work **at = &s->first; *at; at = &(*at)->next) {
		struct work *w = *at;

		if (w->scene != scene)
			continue;
		*at = w->next;
		return w;
	}
	return NULL;
}

void side_document(struct side *s, struct scene *scene, const struct link_scene *m, int fd)
{
	struct work *w = calloc(1, sizeof(*w)), *old, **at;

	if (!w) {
		ar_log_limited(AR_LOG_ERR, "armf", "no memory for a scene");
		close(fd);
		return;
	}
	*w = (struct work){.scene = scene_ref(scene), .doc = *m, .fd = fd};
	pthread_mutex_lock(&s->lock);
	old = remove_older(s, scene);
	for (at = &s->first; *at; at = &(*at)->next)
		;
	*at = w;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	if (old)
		free_work(old);
}

int side_new(struct side **out, struct proc *p)
{
	struct side *s = calloc(1, sizeof(*s));
	pthread_condattr_t mono;
	int err;

	if (!s)
		return -ENOMEM;
	s->p = p;
	s->asset_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, NULL);
	pthread_cond_init(&s->answered, &mono);
	pthread_condattr_destroy(&mono);
	err = pthread_create(&s->thread, NULL, run, s);
	if (err) {
		free(s);
		return -err;
	}
	*out = s;
	return 0;
}
