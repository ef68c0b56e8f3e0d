/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/gpu.h"
#include "mediad/armf/render/gpu_upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void drop_mesh(struct gpu_mesh *m)
{
	glDeleteVertexArrays(1, &m->array);
	glDeleteBuffers(ATTR_N, m->vertices);
	glDeleteBuffers(1, &m->indices);
}

static void drop_morphs(struct gpu_model *g)
{
	for (unsigned i = 0; i < g->nmorph; i++) {
		glDeleteVertexArrays(1, &g->morph[i].array);
		glDeleteBuffers(3, g->morph[i].vertices);
	}
	free(g->morph);
	g->morph = NULL;
	g->nmorph = 0;
	free(g->scratch);
	g->scratch = NULL;
	g->scratch_vertices = 0;
}

static void drop_maps(struct gpu_model *g)
{
	free(g->by_slot);
	free(g->by_image);
	g->by_slot = NULL;
	g->by_image = NULL;
	if (g->nsampler)
		glDeleteSamplers((GLsizei)g->nsampler, g->sampler);
	free(g->sampler);
	g->sampler = NULL;
	g->nsampler = 0;
}

void gpu_clear(struct gpu_model *g)
{
	uint64_t uploads = g->uploads, kept = g->kept;

	drop_maps(g);
	drop_morphs(g);
	for (unsigned i = 0; i < g->nmesh; i++)
		drop_mesh(&g->mesh[i]);
	free(g->mesh);
	for (unsigned i = 0; i < g->ntexture; i++)
		glDeleteTextures(1, &g->texture[i].name);
	free(g->texture);
	model_unref(g->model);
	memset(g, 0, sizeof(*g));
	g->uploads = uploads;
	g->kept = kept;
}

static int mesh_order(const void *a, const void *b)
{
	const struct gpu_mesh *p = a, *q = b;

	return p->hash < q->hash ? -1 : p->hash > q->hash;
}

static int texture_order(const void *a, const void *b)
{
	const struct gpu_texture *p = a, *q = b;

	if (p->hash != q->hash)
		return p->hash < q->hash ? -1 : 1;
	return (int)p->srgb - (int)q->srgb;
}

/* One entry per different key, in order. */
static unsigned without_twins(
	void *list, unsigned n, size_t size, int (*order)(const void *, const void *))
{
	char *p = list;
	unsigned k = 0;

	qsort(p, n, size, order);
	for (unsigned i = 0; i < n; i++) {
		if (k && !order(p + (k - 1) * size, p + i * size))
			continue;
		if (k != i)
			memcpy(p + k * size, p + i * size, size);
		k++;
	}
	return k;
}

/* ---------------------------------------------------------------- meshes */

/* From the model of before if its content is the same. */
static int get_mesh(struct gpu_model *g, struct gpu_mesh *mesh, const struct model_primitive *p,
	struct gpu_mesh *old, unsigned nold, bool reduce)
{
	struct gpu_mesh *was = nold ? bsearch(mesh, old, nold, sizeof(*old), mesh_order) : NULL;

	if (was && was->reduced == reduce) {
		*mesh = *was;
		was->used = true;
		g->kept++;
	} else if (gpu_upload_mesh(mesh, p, reduce)) {
		return -EIO;
	} else {
		g->uploads++;
	}
	g->bytes += mesh->bytes;
	return 0;
}

struct before {
	struct gpu_mesh *mesh;
	unsigned n;
};

static int upload_meshes(struct gpu_model *g, const struct model_view *m, const struct before *old,
	struct draw_list *list, bool reduce)
{
	unsigned slot = 0;

	for (unsigned i = 0; i < m->nmesh; i++) {
		for (unsigned k = 0; k < m->mesh[i].nprimitive; k++, slot++) {
			const struct model_primitive *p = &m->mesh[i].primitive[k];
			struct gpu_mesh key = {.hash = p->hash}, *mesh;

			mesh = bsearch(&key, g->mesh, g->nmesh, sizeof(key), mesh_order);
			g->by_slot[slot] = (unsigned)(mesh - g->mesh);
			if (!mesh->array && get_mesh(g, mesh, p, old->mesh, old->n, reduce))
				return -EIO;
			for (unsigned d = 1; d < DRAW_DETAILS && p->mode == MODEL_TRIANGLES; d++)
				draw_list_reduce(list, i, d, (mesh->count[0] - mesh->count[d]) / 3);
		}
	}
	return 0;
}

static int load_meshes(
	struct gpu_model *g, const struct model_view *m, struct draw_list *list, bool reduce)
{
	const struct before old = {g->mesh, g->nmesh};
	unsigned nslot = list->first_slot[m->nmesh], n = 0;
	int rc = -ENOMEM;

	g->nmesh = 0;
	g->mesh = calloc(nslot + 1, sizeof(*g->mesh));
	g->by_slot = calloc(nslot + 1, sizeof(*g->by_slot));
	if (g->mesh && g->by_slot) {
		for (unsigned i = 0; i < m->nmesh; i++) {
			for (unsigned k = 0; k < m->mesh[i].nprimitive; k++)
				g->mesh[n++].hash = m->mesh[i].primitive[k].hash;
		}
		g->nmesh = without_twins(g->mesh, n, sizeof(*g->mesh), mesh_order);
		rc = upload_meshes(g, m, &old, list, reduce);
	}
	for (unsigned i = 0; i < old.n; i++) {
		if (!old.mesh[i].used)
			drop_mesh(&old.mesh[i]);
	}
	free(old.mesh);
	return rc;
}

/* ---------------------------------------------------------------- textures */

static size_t texture_cost(const struct model_image *im)
{
	size_t sum = 0;

	for (unsigned w = im->w, h = im->h;; w = w > 1 ? w / 2 : 1, h = h > 1 ? h / 2 : 1) {
		sum += (size_t)w * h * 4;
		if (w == 1 && h == 1)
			return sum;
	}
}

/* NULL: the texture has no picture that is known or used. */
static const struct model_image *image_of(const struct model_view *m, int texture)
{
	int i = texture >= 0 ? m->texture[texture].image : -1;

	return i >= 0 ? m->image[i] : NULL;
}

/* What an image is used as, by the materials through the model's textures. */
static unsigned list_textures(struct gpu_texture *out, const struct model_view *m, bool fast)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->ntexture; i++) {
		const struct model_texture *t = &m->texture[i];
		const struct model_image *im = image_of(m, (int)i);

		if (!im)
			continue;
		/* in fast mode colour is plain numbers too, filtered down the right way however */
		if (t->color)
			out[n++] = (struct gpu_texture){
				.hash = im->hash ^ (fast ? 1 : 0), .srgb = !fast};
		if (t->data)
			out[n++] = (struct gpu_texture){.hash = im->hash};
	}
	return n;
}

static int upload_texture(struct gpu_model *g, const struct model_image *im, bool color, bool fast,
	struct gpu_texture *old, unsigned nold, struct gpu_texture **out)
{
	struct gpu_texture key = {
		.hash = im->hash ^ (color && fast ? 1 : 0), .srgb = color && !fast};
	struct gpu_texture *t = bsearch(&key, g->texture, g->ntexture, sizeof(key), texture_order);
	struct gpu_texture *was =
		nold ? bsearch(&key, old, nold, sizeof(key), texture_order) : NULL;
	int rc = 0;

	*out = t;
	if (t->name)
		return 0;
	if (was) {
		*t = *was;
		was->used = true;
		g->kept++;
	} else {
		rc = gpu_upload_texture(t, im, color);
		g->uploads += !rc;
	}
	g->bytes += t->bytes;
	return rc;
}

static int upload_textures(struct gpu_model *g, const struct model_view *m, bool fast,
	struct gpu_texture *old, unsigned nold)
{
	int rc = 0;

	for (unsigned i = 0; i < m->ntexture && !rc; i++) {
		const struct model_texture *t = &m->texture[i];
		const struct model_image *im = image_of(m, (int)i);

		if (im && t->color)
			rc = upload_texture(
				g, im, true, fast, old, nold, &g->by_image[t->image][1]);
		if (im && t->data && !rc)
			rc = upload_texture(
				g, im, false, fast, old, nold, &g->by_image[t->image][0]);
	}
	return rc;
}

static int load_textures(struct gpu_model *g, const struct model_view *m, bool fast)
{
	struct gpu_texture *old = g->texture;
	unsigned nold = g->ntexture;
	int rc = -ENOMEM;

	g->ntexture = 0;
	g->texture = calloc(2 * m->ntexture + 1, sizeof(*g->texture));
	g->by_image = calloc(m->nimage + 1, sizeof(*g->by_image));
	g->sampler = calloc(m->ntexture + 1, sizeof(*g->sampler));
	if (g->texture && g->by_image && g->sampler) {
		g->ntexture = without_twins(g->texture, list_textures(g->texture, m, fast),
			sizeof(*g->texture), texture_order);
		rc = upload_textures(g, m, fast, old, nold);
		g->nsampler = m->ntexture;
		if (g->nsampler)
			glGenSamplers((GLsizei)g->nsampler, g->sampler);
		for (unsigned i = 0; i < m->ntexture; i++)
			gpu_set_sampler(g->sampler[i], &m->texture[i], fast);
	}
	for (unsigned i = 0; i < nold; i++) {
		if (!old[i].used)
			glDeleteTextures(1, &old[i].name);
	}
	free(old);
	return rc;
}

/* ---------------------------------------------------------------- loading */

static int check_limits(const struct model_view *m, const struct gpu_limits *l, struct ar_buf *why)
{
	size_t bytes = 0;

	if (m->stats.triangles > l->triangles) {
		if (why)
			ar_buf_printf(why,
				"the scene has %u triangles, at most %u are drawn: simplify its "
				"meshes, or raise the limit",
				m->stats.triangles, l->triangles);
		return -EFBIG;
	}
	for (unsigned i = 0; i < m->ntexture; i++) {
		const struct model_texture *t = &m->texture[i];

		if (image_of(m, (int)i))
			bytes += texture_cost(m->image[t->image]) * (size_t)(t->color + t->data);
	}
	if (bytes <= l->texture_bytes)
		return 0;
	if (why)
		ar_buf_printf(why,
			"the scene's textures take %zu KiB, at most %zu KiB are allowed: use "
			"smaller images, or raise the limit",
			bytes / 1024, l->texture_bytes / 1024);
	return -EFBIG;
}

static void list_morphs(struct gpu_model *g, const struct model_view *m, const struct draw_list *l)
{
	for (unsigned i = 0; i < m->nnode && g->nmorph < GPU_MAX_MORPHS; i++) {
		int mesh = m->node[i].mesh;

		for (unsigned k = 0; mesh >= 0 && k < m->mesh[mesh].nprimitive; k++) {
			const struct model_primitive *p = &m->mesh[mesh].primitive[k];

			if (!p->ntarget || g->nmorph == GPU_MAX_MORPHS)
				continue;
			if (p->nvertex > g->scratch_vertices)
				g->scratch_vertices = p->nvertex;
			g->morph[g->nmorph++] = (struct gpu_morph){
				.node = i, .slot = l->first_slot[mesh] + k, .version = UINT64_MAX};
		}
	}
}

static int load_morphs(struct gpu_model *g, const struct model_view *m, const struct draw_list *l)
{
	g->morph = calloc(GPU_MAX_MORPHS, sizeof(*g->morph));
	if (!g->morph)
		return -ENOMEM;
	list_morphs(g, m, l);
	if (!g->nmorph)
		return 0;
	g->scratch = calloc(g->scratch_vertices, 10 * sizeof(float));
	return g->scratch ? 0 : -ENOMEM;
}

int gpu_load(struct gpu_model *g, struct model *m, struct draw_list *list, bool fast,
	const struct gpu_limits *limits, struct ar_buf *why)
{
	const struct model_view *v = model_view(m);
	int rc = check_limits(v, limits, why);

	if (rc) {
		gpu_clear(g);
		return rc;
	}
	model_ref(m);
	model_unref(g->model);
	g->model = m;
	g->bytes = 0;
	drop_maps(g);
	drop_morphs(g);
	rc = load_meshes(g, v, list, limits->reduce);
	if (!rc)
		rc = load_textures(g, v, fast);
	if (!rc)
		rc = load_morphs(g, v, list);
	if (!rc && glGetError() != GL_NO_ERROR)
		rc = -EIO;
	if (!rc)
		return 0;
	if (why)
		ar_buf_printf(why, "the scene does not go into the GPU's memory");
	gpu_clear(g);
	return rc;
}

/* ---------------------------------------------------------------- drawing */

static void morph(struct gpu_model *g, const struct stage *st, const struct draw_item *it,
	struct gpu_morph *mo)
{
	const struct model_primitive *p = it->prim;
	unsigned n = 0;
	const float *weight = stage_weights(st, it->node, &n);
	float *position = g->scratch, *normal = position + (size_t)p->nvertex * 3;
	float *tangent = normal + (size_t)p->nvertex * 3;

	if (!mo->array) {
		gpu_make_morph(mo, &g->mesh[g->by_slot[it->slot]], p);
		g->bytes += mo->bytes;
	}
	model_morph(p, weight, n, position, p->normal ? normal : NULL, p->tangent ? tangent : NULL);
	gpu_upload_morph(mo, p, position, normal, tangent);
}

void gpu_forget_morphs(struct gpu_model *g)
{
	for (unsigned i = 0; i < g->nmorph; i++)
		g->morph[i].version = UINT64_MAX;
}

GLuint gpu_array(struct gpu_model *g, const struct stage *st, const struct draw_item *it)
{
	uint64_t version;

	if (!it->prim->ntarget)
		return g->mesh[g->by_slot[it->slot]].array;
	version = stage_node_version(st, it->node);
	for (unsigned i = 0; i < g->nmorph; i++) {
		struct gpu_morph *mo = &g->morph[i];

		if (mo->node != it->node || mo->slot != it->slot)
			continue;
		if (mo->version != version)
			morph(g, st, it, mo);
		mo->version = version;
		return mo->array;
	}
	return g->mesh[g->by_slot[it->slot]].array;
}

bool gpu_bind(const struct gpu_model *g, int texture, bool color, unsigned unit)
{
	const struct model_view *m = model_view(g->model);
	const struct gpu_texture *t;

	if (!image_of(m, texture))
		return false;
	t = g->by_image[m->texture[texture].image][color];
	if (!t)
		return false;
	glActiveTexture(GL_TEXTURE0 + unit);
	glBindTexture(GL_TEXTURE_2D, t->name);
	glBindSampler(unit, g->sampler[texture]);
	return true;
}
