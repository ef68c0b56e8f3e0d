/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/armf_pool_int.h"

#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct pool_known *find_known(struct pool_proc *p, uint32_t scene)
{
	for (unsigned i = 0; i < p->nknown; i++) {
		if (p->known[i].scene == scene)
			return &p->known[i];
	}
	return NULL;
}

bool pool_scene_known(const struct pool_proc *p, uint32_t scene)
{
	return find_known((struct pool_proc *)p, scene) != NULL;
}

/* ---- to a process ---- */

static void send_document(struct pool_proc *p, struct pool_known *k, const struct pool_scene *s)
{
	struct link_msg m = {.h = {.type = LINK_SCENE, .id = s->id}};

	m.u.scene.epoch = s->epoch;
	m.u.scene.at = s->at;
	m.u.scene.size = s->size;
	m.u.scene.serial = s->serial;
	k->sent = s->serial;
	pool_proc_send(p, &m, s->document);
}

static void pose_message(struct link_msg *m, const struct pool_scene *s, const struct pool_node *n)
{
	m->h = (struct link_head){LINK_POSE, s->id};
	m->u.pose = (struct link_pose){.at = n->at, .node = n->node, .has = n->has};
	memcpy(m->u.pose.t, n->t, sizeof(n->t));
	memcpy(m->u.pose.r, n->r, sizeof(n->r));
}

int pool_scene_tell(struct pool_proc *p, struct pool_scene *s)
{
	struct pool_known *k = find_known(p, s->id);
	struct link_msg m;

	if (k)
		return 0;
	if (p->nknown == POOL_MAX_SCENES_EACH)
		return -ENOSPC;
	k = &p->known[p->nknown++];
	*k = (struct pool_known){.scene = s->id};
	send_document(p, k, s);
	for (unsigned i = 0; i < s->nnode; i++) {
		if (p->nqueue >= POOL_MAX_QUEUE / 2) { /* the rest is for what must not be lost */
			ar_log_limited(AR_LOG_WARN, "armf",
				"[%s] a new media processor is not told where %u nodes are",
				s->call_id, s->nnode - i);
			break;
		}
		pose_message(&m, s, &s->node[i]);
		pool_proc_send(p, &m, -1);
	}
	return 0;
}

/* One document at a time is on its way to a process; what changes meanwhile goes as one. */
const char *pool_scene_on_done(struct pool_proc *p, const struct link_msg *m)
{
	struct pool_scene *s = ar_ids_get(&p->pool->scenes, m->h.id);
	struct pool_known *k = find_known(p, m->h.id);
	const struct link_scene_done *d = &m->u.scene_done;

	if (!s || !k)
		return NULL;
	if (d->err)
		ar_log_limited(AR_LOG_WARN, "armf",
			"[%s] the scene cannot be drawn as it is now: %s (%s)", s->call_id, d->why,
			strerror(-d->err));
	k->done = d->serial;
	if (k->sent != s->serial)
		send_document(p, k, s);
	return NULL;
}

/* ---- the owner's side ---- */

static int set_document(struct pool_scene *s, struct ar_span document)
{
	int fd;

	if (document.n == 0 || document.n > LINK_MAX_DOCUMENT)
		return document.n ? -E2BIG : -EINVAL;
	fd = link_memory_of("mediad-armf-scene", document);
	if (fd < 0)
		return fd;
	if (s->document >= 0)
		close(s->document);
	s->document = fd;
	s->size = (uint32_t)document.n;
	s->at = ar_now();
	s->serial++;
	return 0;
}

int armf_scene_open(
	struct armf_pool *pool, struct ar_span document, const char *call_id, uint32_t *scene)
{
	struct pool_scene *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->document = -1;
	s->epoch = ar_now();
	snprintf(s->call_id, sizeof(s->call_id), "%s", call_id ? call_id : "");
	err = set_document(s, document);
	if (!err)
		err = ar_ids_add(&pool->scenes, s, &s->id);
	if (err) {
		if (s->document >= 0)
			close(s->document);
		free(s);
		return err == -ENOSPC ? -ENOMEM : err;
	}
	*scene = s->id;
	return 0;
}

int armf_scene_update(struct armf_pool *pool, uint32_t scene, struct ar_span document)
{
	struct pool_scene *s = ar_ids_get(&pool->scenes, scene);
	int err = s ? set_document(s, document) : -ENOENT;

	for (unsigned i = 0; !err && i < pool->conf.processes; i++) {
		struct pool_known *k = find_known(&pool->proc[i], scene);

		if (k && k->sent == k->done)
			send_document(&pool->proc[i], k, s);
	}
	return err;
}

void pool_scene_free(struct armf_pool *pool, struct pool_scene *s)
{
	ar_ids_remove(&pool->scenes, s->id);
	close(s->document);
	free(s->node);
	free(s);
}

void armf_scene_close(struct armf_pool *pool, uint32_t scene)
{
	struct pool_scene *s = ar_ids_get(&pool->scenes, scene);
	struct link_msg m = {.h = {.type = LINK_SCENE_CLOSE, .id = scene}};

	if (!s)
		return;
	for (unsigned i = 0; i < pool->conf.processes; i++) {
		struct pool_proc *p = &pool->proc[i];
		struct pool_known *k = find_known(p, scene);

		if (!k)
			continue;
		pool_proc_send(p, &m, -1);
		*k = p->known[--p->nknown];
	}
	pool_scene_free(pool, s);
}

/* ---- poses ---- */

static struct pool_node *node_of(struct pool_scene *s, uint32_t node)
{
	struct pool_node *more;

	for (unsigned i = 0; i < s->nnode; i++) {
		if (s->node[i].node == node)
			return &s->node[i];
	}
	if (s->nnode == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 8;

		more = cap <= POOL_MAX_NODES ? realloc(s->node, cap * sizeof(*more)) : NULL;
		if (!more)
			return NULL;
		s->node = more;
		s->cap = cap;
	}
	s->node[s->nnode] = (struct pool_node){.node = node, .r = {0, 0, 0, 1}};
	return &s->node[s->nnode++];
}

static bool finite_all(const float *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!isfinite(f[i]))
			return false;
	}
	return true;
}

void armf_scene_pose(struct armf_pool *pool, uint32_t scene, unsigned node, const float t[3],
	const float r[4], uint64_t at)
{
	struct pool_scene *s = ar_ids_get(&pool->scenes, scene);
	struct pool_node *n;
	struct link_msg m;

	if (!s || node >= LINK_MAX_NODES || (t && !finite_all(t, 3)) || (r && !finite_all(r, 4)))
		return;
	n = node_of(s, node);
	if (!n)
		return;
	n->at = at;
	n->has |= (t ? 1u : 0u) | (r ? 2u : 0u);
	if (t)
		memcpy(n->t, t, sizeof(n->t));
	if (r)
		memcpy(n->r, r, sizeof(n->r));
	pose_message(&m, s, n);
	for (unsigned i = 0; i < pool->conf.processes; i++) {
		if (pool_scene_known(&pool->proc[i], scene) &&
			pool_proc_try(&pool->proc[i], &m) != 0)
			ar_log_limited(AR_LOG_DEBUG, "armf", "a pose is lost: processor is busy");
	}
}

/* ---- assets ---- */

static int open_beneath(int dir, const char *uri)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, dir, uri, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS) /* the name goes no way up: only links could */
		fd = openat(dir, uri, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int open_asset(const struct armf_pool *pool, const char *uri, uint32_t *size)
{
	struct stat st;
	int dir, fd, err = 0;

	if (!*pool->assets)
		return -ENOENT;
	dir = open(pool->assets, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = open_beneath(dir, uri);
	close(dir);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_size > (off_t)LINK_MAX_ASSET)
		err = -EFBIG;
	if (err) {
		close(fd);
		return err;
	}
	*size = (uint32_t)st.st_size;
	return fd;
}

const char *pool_scene_on_want_asset(struct pool_proc *p, const struct link_msg *m)
{
	struct link_msg answer = {.h = {.type = LINK_ASSET}};
	struct link_asset *a = &answer.u.asset;
	int fd = open_asset(p->pool, m->u.want_asset.uri, &a->size);

	a->serial = m->u.want_asset.serial;
	a->err = fd < 0 ? fd : 0;
	if (fd < 0)
		ar_log_limited(AR_LOG_WARN, "armf", "asset %s/%s: %s", p->pool->assets,
			m->u.want_asset.uri, strerror(-fd));
	pool_proc_send(p, &answer, fd < 0 ? -1 : fd);
	if (fd >= 0)
		close(fd);
	return NULL;
}
