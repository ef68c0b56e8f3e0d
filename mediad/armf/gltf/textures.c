/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Samplers and textures (glTF 2.0 3.8), and the images that the materials need. */
#include "mediad/armf/gltf/load_internal.h"

enum {
	GL_NEAREST_ = 9728,
	GL_LINEAR_,
	GL_NEAREST_MIPMAP_NEAREST_ = 9984,
	GL_LINEAR_MIPMAP_LINEAR_ = 9987,
	GL_CLAMP_TO_EDGE_ = 33071,
	GL_MIRRORED_REPEAT_ = 33648,
	GL_REPEAT_ = 10497,
};

static int filter(struct load *l, const struct at *at, const json_t *o, const char *key,
	bool mipmaps, uint16_t *out)
{
	uint64_t v = *out;
	int err = get_uint(l, at, o, key, 0, UINT16_MAX, &v);
	bool ok = v == GL_NEAREST_ || v == GL_LINEAR_ ||
		  (mipmaps && v >= GL_NEAREST_MIPMAP_NEAREST_ && v <= GL_LINEAR_MIPMAP_LINEAR_);

	if (!err && !ok)
		err = load_bad(l, AT_KEY(at, key), -EINVAL, "%u is no filter", (unsigned)v);
	*out = (uint16_t)v;
	return err;
}

static int wrap(
	struct load *l, const struct at *at, const json_t *o, const char *key, uint16_t *out)
{
	uint64_t v = *out;
	int err = get_uint(l, at, o, key, 0, UINT16_MAX, &v);

	if (!err && v != GL_CLAMP_TO_EDGE_ && v != GL_MIRRORED_REPEAT_ && v != GL_REPEAT_)
		err = load_bad(l, AT_KEY(at, key), -EINVAL, "%u is no wrapping mode", (unsigned)v);
	*out = (uint16_t)v;
	return err;
}

static int sampler(struct load *l, unsigned i, struct model_texture *t)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "samplers"), i);
	const json_t *o = json_array_get(json_object_get(l->doc, "samplers"), i);
	int err = filter(l, at, o, "magFilter", false, &t->mag);

	if (!err)
		err = filter(l, at, o, "minFilter", true, &t->min);
	if (!err)
		err = wrap(l, at, o, "wrapS", &t->wrap_s);
	if (!err)
		err = wrap(l, at, o, "wrapT", &t->wrap_t);
	return err;
}

static const struct model_texture plain = {
	.image = -1,
	.mag = GL_LINEAR_,
	.min = GL_LINEAR_MIPMAP_LINEAR_,
	.wrap_s = GL_REPEAT_,
	.wrap_t = GL_REPEAT_,
};

static int one_texture(struct load *l, unsigned i, const json_t *o, struct model_texture *t)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "textures"), i);
	int s = -1, err;

	*t = plain;
	err = get_index(l, at, o, "source", list_size(l->doc, "images"), &t->image);
	if (!err)
		err = get_index(l, at, o, "sampler", list_size(l->doc, "samplers"), &s);
	return err || s < 0 ? err : sampler(l, (unsigned)s, t);
}

/* Samplers that no texture names are checked as well. */
int load_textures(struct load *l)
{
	struct model_view *v = &l->m->view;
	unsigned n = list_size(l->doc, "textures"), ns = list_size(l->doc, "samplers");
	struct model_texture *t, unused = plain;
	int err = 0;

	t = load_take(l, AT_KEY(NULL, "textures"), n, sizeof(*t), &err);
	for (unsigned i = 0; i < n && !err; i++)
		err = one_texture(
			l, i, json_array_get(json_object_get(l->doc, "textures"), i), &t[i]);
	for (unsigned i = 0; i < ns && !err; i++)
		err = sampler(l, i, &unused);
	if (!err) {
		v->texture = n ? t : NULL;
		v->ntexture = n;
	}
	return err;
}

/* ---------------------------------------------------------------- images */

void pixels_unref(struct model_pixels *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free((void *)p->image.rgba);
	free(p);
}

static bool is_needed(const struct load *l, unsigned image)
{
	const struct model_view *v = &l->m->view;

	for (unsigned i = 0; i < v->ntexture; i++) {
		if (v->texture[i].image == (int)image &&
			(v->texture[i].color || v->texture[i].data))
			return true;
	}
	return false;
}

static struct model_pixels *find_previous(const struct load *l, uint64_t hash, size_t n)
{
	const struct model *prev = l->src->prev;

	if (!prev || memcmp(prev->hash_key, l->m->hash_key, sizeof(prev->hash_key)) != 0 ||
		prev->texture_side != l->lim->texture_side || prev->image_side > l->lim->image_side)
		return NULL;
	for (unsigned i = 0; i < prev->view.nimage; i++) {
		struct model_pixels *p = prev->pixels[i];

		if (p && p->image.hash == hash && p->encoded_n == n) {
			atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
			return p;
		}
	}
	return NULL;
}

static bool any_alpha(const uint8_t *rgba, size_t pixels)
{
	for (size_t i = 0; i < pixels; i++) {
		if (rgba[i * 4 + 3] != 255)
			return true;
	}
	return false;
}

static struct model_pixels *decode(
	struct load *l, const struct at *at, struct bytes in, uint64_t hash, int *err)
{
	struct model_pixels *p = calloc(1, sizeof(*p));
	struct image_job job = {.in = in,
		.side = l->lim->image_side,
		.keep = l->lim->texture_side,
		.room = l->lim->memory - l->m->view.stats.memory};

	*err = p ? l->decode(&job) : -ENOMEM;
	if (*err) {
		load_bad(l, at, *err, "%s", p ? job.why : "out of memory");
		free(p);
		return NULL;
	}
	atomic_init(&p->refs, 1);
	p->encoded_n = in.n;
	p->image = (struct model_image){job.w, job.h, job.rgba, hash,
		any_alpha(job.rgba, (size_t)job.w * job.h), job.halved};
	return p;
}

static int image_source(
	struct load *l, const struct at *at, const json_t *o, struct bytes *in, uint8_t **owned)
{
	const char *uri = NULL, *mime = NULL;
	int view, err = get_string(l, at, o, "uri", &uri);

	if (!err)
		err = get_string(l, at, o, "mimeType", &mime);
	if (!err)
		err = get_index(l, at, o, "bufferView", l->nview, &view);
	if (err)
		return err;
	if ((view < 0) == !uri)
		return load_bad(l, at, -EINVAL, "want either uri or bufferView");
	if (uri)
		return load_uri(l, AT_KEY(at, "uri"), uri, in, owned);
	if (!mime)
		return load_bad(l, AT_KEY(at, "mimeType"), -EINVAL, "is missing");
	*in = (struct bytes){l->bview[view].p, l->bview[view].n};
	return 0;
}

static int measure(struct load *l, const struct at *at, struct bytes in)
{
	struct image_job job = {.in = in, .side = l->lim->image_side};
	int err = image_measure(&job);

	return err ? load_bad(l, at, err, "%s", job.why) : 0;
}

/* The image of the previous model or a new one. */
static int take_image(struct load *l, const struct at *at, unsigned i, struct bytes in)
{
	struct model_stats *stats = &l->m->view.stats;
	struct model_pixels *p;
	struct siphash h;
	uint64_t hash;
	int err = 0;

	siphash_start(&h, l->m->hash_key);
	siphash_add(&h, in.p, in.n);
	hash = siphash_end(&h);
	p = find_previous(l, hash, in.n);
	if (p)
		stats->images_shared++;
	else
		p = decode(l, at, in, hash, &err);
	if (err)
		return err;
	l->m->pixels[i] = p;
	stats->halved_images += p->image.halved;
	return load_charge(l, at, (size_t)p->image.w * p->image.h * 4);
}

static int one_image(struct load *l, unsigned i)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "images"), i);
	const json_t *o = json_array_get(json_object_get(l->doc, "images"), i);
	struct bytes in = {NULL, 0};
	uint8_t *owned = NULL;
	int err = image_source(l, at, o, &in, &owned);

	if (!err && is_needed(l, i))
		err = l->decode ? take_image(l, at, i, in) : measure(l, at, in);
	free(owned);
	return err;
}

int load_images(struct load *l)
{
	const struct at *at = AT_KEY(NULL, "images");
	struct model_view *v = &l->m->view;
	unsigned n = list_size(l->doc, "images");
	const struct model_image **image;
	int err = 0;

	if (n > l->lim->images)
		return load_bad(l, at, -E2BIG, "%u entries, the limit is %u", n, l->lim->images);
	l->m->pixels = load_take(l, at, n + 1, sizeof(void *), &err);
	image = load_take(l, at, n + 1, sizeof(void *), &err);
	if (err)
		return err;
	v->nimage = n;
	v->image = image;
	for (unsigned i = 0; i < n && !err; i++) {
		err = one_image(l, i);
		image[i] = !err && l->m->pixels[i] ? &l->m->pixels[i]->image : NULL;
	}
	return err;
}
