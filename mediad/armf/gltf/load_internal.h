/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files that make a model from a document; nobody else. */
#ifndef LOAD_INTERNAL_H
#define LOAD_INTERNAL_H

#include "mediad/armf/gltf/model.h"

#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A place in the document, for error texts: a key or an index below another place. */
struct at {
	const struct at *up;
	const char *key; /* NULL: index */
	unsigned index;
};
#define AT_KEY(up_, key_) (&(const struct at){(up_), (key_), 0})
#define AT_INDEX(up_, index_) (&(const struct at){(up_), NULL, (index_)})

/* ---------------------------------------------------------------- the model itself */

/* Box around the vertices that a joint moves, in mesh space; lo above hi: it moves none. */
struct joint_box {
	float lo[3], hi[3];
};

struct joint_boxes { /* of a mesh; n 0: it is not skinned */
	unsigned n;
	const struct joint_box *box;
};

struct model_chunk;

/* A counted image: shared by the models of a scene's successive documents. */
struct model_pixels {
	atomic_uint refs;
	struct model_image image;
	size_t encoded_n;
};

struct model {
	atomic_uint refs;
	struct model_view view;
	struct model_chunk *chunks; /* all arrays live here */
	struct model_pixels **pixels; /* per image, NULL: not used */
	const struct joint_boxes *joint_boxes; /* per mesh */
	uint64_t hash_key[2];
	unsigned image_side, texture_side;
};

/* ---------------------------------------------------------------- the load */

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct load_view { /* a bufferView */
	const uint8_t *p;
	size_t n, offset, stride; /* offset in the buffer; stride 0: packed */
};

struct load_accessor {
	const uint8_t *p; /* NULL: zeros */
	size_t stride;
	uint32_t count;
	uint16_t type; /* of a component: GL_BYTE to GL_FLOAT */
	uint8_t components, size; /* size: bytes of a component */
	bool normalized, matrix;
	uint32_t sparse;
	uint16_t sparse_type;
	const uint8_t *sparse_index, *sparse_value;
};

struct image_job;

struct load {
	const struct model_source *src;
	int (*decode)(struct image_job *j); /* NULL: images are measured only */
	const struct model_limits *lim;
	struct ar_buf *why;
	struct model *m;
	json_t *doc;
	struct bytes bin; /* GLB's second chunk; p NULL: none */
	unsigned nbuffer, nview, naccessor;
	struct bytes *buffer;
	uint8_t **owned; /* per buffer: decoded data: URI, else NULL */
	struct load_view *bview;
	struct load_accessor *accessor;
	uint16_t *mesh_joints; /* per mesh: highest joint used + 1 */
	bool *mesh_skinned; /* per mesh: every primitive has joints and weights */
	bool quantized; /* KHR_mesh_quantization is used */
	unsigned vertices, triangles, primitives, keys; /* so far */
};

/* model_load() with the decoder given; so that the core needs no image library. */
int model_build(struct model **out, const struct model_source *src,
	int (*decode)(struct image_job *j), struct ar_buf *why);

/* Writes "place: text" into why, returns err. */
int load_bad(struct load *l, const struct at *at, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Zeroed memory of the model; NULL: too much, or none (then the error is written, *err set). */
void *load_take(struct load *l, const struct at *at, size_t n, size_t size, int *err);
/* Counts bytes that the model keeps elsewhere. 0, -E2BIG. */
int load_charge(struct load *l, const struct at *at, size_t n);
void model_chunks_free(struct model_chunk *c);

/* ---------------------------------------------------------------- fields (fields.c) */

/* All: absent leaves *out alone; 0 or -EINVAL with the reason. */
int get_object(struct load *l, const struct at *at, const json_t *o, const char *key, json_t **out);
int get_list(struct load *l, const struct at *at, const json_t *o, const char *key, unsigned max,
	json_t **out); /* at least one entry */
int get_string(
	struct load *l, const struct at *at, const json_t *o, const char *key, const char **out);
int get_bool(struct load *l, const struct at *at, const json_t *o, const char *key, bool *out);
int get_uint(struct load *l, const struct at *at, const json_t *o, const char *key, uint64_t lo,
	uint64_t hi, uint64_t *out);
int get_float(struct load *l, const struct at *at, const json_t *o, const char *key, float lo,
	float hi, float *out);
int get_floats(struct load *l, const struct at *at, const json_t *o, const char *key, unsigned n,
	float lo, float hi, float *out);
/* Index below count; absent: -1. */
int get_index(struct load *l, const struct at *at, const json_t *o, const char *key, unsigned count,
	int *out);
int need_index(struct load *l, const struct at *at, const json_t *o, const char *key,
	unsigned count, int *out);
/* A list of different indices below count into memory of the model. */
int get_indices(struct load *l, const struct at *at, const json_t *o, const char *key,
	unsigned count, const uint16_t **out, unsigned *n);
/* o.extensions.name when it is an object. */
int get_extension(
	struct load *l, const struct at *at, const json_t *o, const char *name, json_t **out);
/* A copy in the model; "" when absent. */
int get_name(struct load *l, const struct at *at, const json_t *o, const char **out);
unsigned list_size(const json_t *doc, const char *list);

/* ---------------------------------------------------------------- buffers (buffers.c, uri.c) */

int load_buffers(struct load *l);
void load_buffers_free(struct load *l);
/* Bytes behind a data: or relative URI; *owned is to be freed when not NULL. */
int load_uri(
	struct load *l, const struct at *at, const char *uri, struct bytes *out, uint8_t **owned);
/* Decodes into out (cap at least n / 4 * 3). Length, or -EINVAL. */
int64_t base64_decode(const char *text, size_t n, uint8_t *out);

bool glb_is(struct ar_span all);
/* Finds the chunks: the JSON one and l->bin. */
int glb_split(struct load *l, struct ar_span all, struct ar_span *json);

/* ---------------------------------------------------------------- accessors (accessors.c) */

int load_accessors(struct load *l);
/* count * components floats, normalised, all finite. */
int accessor_floats(struct load *l, const struct at *at, unsigned accessor, float *out);
int accessor_uints(struct load *l, const struct at *at, unsigned accessor, uint32_t *out);

/* ---------------------------------------------------------------- the parts, in this order */

int load_extensions(struct load *l);
int load_materials(struct load *l); /* samplers and textures too (textures.c) */
int load_textures(struct load *l);
int load_images(struct load *l);
int load_meshes(struct load *l);
int load_joint_boxes(struct load *l);
int load_nodes(struct load *l); /* hierarchy.c */
int load_skins(struct load *l);
int load_cameras(struct load *l);
int load_lights(struct load *l);
int load_scene(struct load *l);
int load_animations(struct load *l);

/* ---------------------------------------------------------------- helpers */

/* SipHash-1-3. */
struct siphash {
	uint64_t v0, v1, v2, v3;
	uint64_t tail;
	uint64_t n;
};
void siphash_start(struct siphash *h, const uint64_t key[2]);
void siphash_add(struct siphash *h, const void *p, size_t n);
uint64_t siphash_end(struct siphash *h);

/* PNG or JPEG to RGBA (image.c): errors are -EINVAL, -E2BIG, -ENOMEM, -EOPNOTSUPP with the reason
 * in why. */
struct image_job {
	struct bytes in;
	unsigned side; /* refuse above */
	unsigned keep; /* halve above */
	size_t room; /* bytes the result may have */
	unsigned w, h;
	uint8_t *rgba; /* malloc'ed */
	bool halved;
	char why[120];
};
enum image_kind { IMAGE_PNG, IMAGE_JPEG };
int image_kind(struct image_job *j, enum image_kind *kind);
/* Size and limit, from the header alone; rgba stays NULL (image_size.c). */
int image_measure(struct image_job *j);
int image_decode(struct image_job *j);
int image_decode_png(struct image_job *j);
int image_decode_jpeg(struct image_job *j);
int image_refuse(struct image_job *j, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void pixels_unref(struct model_pixels *p);

/* Triangles, lines, points from any mode; normals and boxes (primitive.c). */
struct raw_primitive {
	unsigned mode; /* glTF's 0 to 6 */
	uint32_t nvertex, nindex;
	uint32_t *index; /* malloc'ed or NULL: 0 to nvertex - 1; owned by the caller */
	struct model_primitive *out; /* arrays per vertex are there */
	struct model_target *target;
};
int primitive_finish(struct load *l, const struct at *at, struct raw_primitive *raw);

#endif
