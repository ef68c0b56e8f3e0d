/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A glTF 2.0 document as the ARMF draws it: read, checked and decoded once, then never changed.
 * Called by the ARMF worker (load, evaluation, renderer) and, as a check, by whoever takes scenes
 * in. No GL, no file, no clock: bytes come in, external ones through a callback.
 *
 * Units and axes are glTF's: metres, radians, seconds, right-handed, +Y up, matrices column-major,
 * quaternions x y z w. An index of -1 means none. Every array member is NULL when its count is 0.
 * Indices of nodes, meshes, materials, textures, images, skins, animations and lights are those of
 * the document; the material list has one more at its end, glTF's default material, so that a
 * primitive always has one.
 *
 * Ownership: a model is counted (model_ref, model_unref; any thread). What it points to lives as
 * long as it does. Images are counted too and shared between models of one scene's successive
 * documents. Everything is read-only after model_load(), so several threads may use one model.
 */
#ifndef MODEL_H
#define MODEL_H

#include "common/ar_buf.h"

#include <stdint.h>

struct model;

/* ---------------------------------------------------------------- limits */

#define MODEL_MAX_TARGETS 256 /* whatever the limits say */

/* What is beyond a limit is refused with -E2BIG and a text that names the limit. */
struct model_limits {
	size_t bytes; /* of the JSON text or the GLB */
	size_t json; /* of the JSON text; parsed it takes some ten times as much */
	size_t resource_bytes; /* of one buffer or encoded image */
	size_t memory; /* all that the model keeps, decoded */
	unsigned items; /* of any top-level list but nodes */
	unsigned nodes, depth; /* depth: nodes below one another */
	unsigned primitives; /* of all meshes */
	unsigned vertices, triangles; /* of all meshes, as drawn */
	unsigned joints; /* of one skin */
	unsigned targets; /* of one primitive */
	unsigned keys; /* of all animation samplers */
	unsigned lights;
	unsigned images, image_side; /* image_side: pixels that an encoded image may measure */
	unsigned texture_side; /* larger images are halved until they fit */
};

/* What limits NULL means. */
extern const struct model_limits model_limits_default;

/* ---------------------------------------------------------------- images, textures, materials */

/* RGBA, 8 bits each, not premultiplied, first row on top (glTF's texture origin), rows w * 4 bytes.
 */
struct model_image {
	unsigned w, h;
	const uint8_t *rgba;
	uint64_t hash; /* of the encoded bytes: the same content in the next model has the same */
	bool has_alpha; /* some pixel is not opaque */
	bool halved; /* was larger than texture_side */
};

/* Values are OpenGL's, as in glTF; the defaults are filled in. */
struct model_texture {
	int image; /* -1: has none that is known; draw it white */
	uint16_t mag, min; /* GL_NEAREST, GL_LINEAR, GL_LINEAR_MIPMAP_LINEAR, ... */
	uint16_t wrap_s, wrap_t; /* GL_REPEAT, GL_CLAMP_TO_EDGE, GL_MIRRORED_REPEAT */
	bool color; /* some material uses it as sRGB colour (base, emissive) */
	bool data; /* some material uses it as linear data (normal, roughness, occlusion) */
};

/* Where a material reads a texture, with KHR_texture_transform applied. */
struct model_texture_ref {
	int texture; /* -1 none */
	unsigned texcoord; /* 0 or 1 */
	float scale; /* normalTexture.scale, occlusionTexture.strength; else 1 */
	bool transformed;
	float uv[6]; /* u' = uv[0]*u + uv[2]*v + uv[4], v' = uv[1]*u + uv[3]*v + uv[5] */
};

enum model_alpha { MODEL_OPAQUE, MODEL_MASK, MODEL_BLEND };

struct model_material {
	const char *name; /* never NULL */
	float base_color[4];
	float metallic, roughness;
	float emissive[3]; /* emissiveFactor times KHR_materials_emissive_strength */
	struct model_texture_ref base_color_tex;
	struct model_texture_ref metallic_roughness_tex; /* G roughness, B metallic */
	struct model_texture_ref normal_tex, occlusion_tex, emissive_tex;
	enum model_alpha alpha;
	float alpha_cutoff;
	bool double_sided;
	bool unlit; /* KHR_materials_unlit */
};

/* ---------------------------------------------------------------- meshes */

enum model_mode {
	MODEL_TRIANGLES,
	MODEL_LINES,
	MODEL_POINTS
}; /* strips, fans, loops taken apart */

/* A morph target: what to add per vertex at weight 1. NULL: nothing. Boxes of the displacement. */
struct model_target {
	const float *position, *normal, *tangent; /* 3 each */
	float lo[3], hi[3];
};

/*
 * Ready for a vertex buffer per attribute, indices for GL_TRIANGLES, GL_LINES or GL_POINTS
 * (counterclockwise front faces). All vertices are finite, all indices below nvertex. Normals of
 * triangles are always there and of unit length: computed flat when the document has none (glTF
 * 2.0 3.7.2.1; the vertices are then not shared). A material may name a texture coordinate set that
 * the primitive lacks: read it as 0. Joints are below the joint count of every skin that the mesh
 * is drawn with; the weights of a vertex add up to 1.
 */
struct model_primitive {
	enum model_mode mode;
	int material;
	uint32_t nvertex, nindex;
	unsigned index_size; /* 2 or 4 bytes */
	const void *index; /* uint16_t or uint32_t */
	const float *position; /* 3 */
	const float *normal; /* 3; NULL for lines and points without */
	const float *tangent; /* 4, w the sign of the bitangent; or NULL */
	const float *texcoord[2]; /* 2; or NULL */
	const float *color; /* 4, linear; or NULL */
	const uint16_t *joint; /* 4; or NULL */
	const float *weight; /* 4; or NULL */
	unsigned ntarget;
	const struct model_target *target;
	float lo[3], hi[3]; /* box of the positions, without morph targets */
	uint64_t hash; /* of everything above except mode and material */
};

static inline uint32_t model_index(const struct model_primitive *p, uint32_t i)
{
	return p->index_size == 2 ? ((const uint16_t *)p->index)[i]
				  : ((const uint32_t *)p->index)[i];
}

struct model_mesh {
	const char *name; /* never NULL */
	unsigned nprimitive;
	const struct model_primitive *primitive;
	unsigned nweight; /* morph targets of each primitive */
	const float *weight; /* the default weights */
	float lo[3], hi[3]; /* of all primitives, without morph targets */
};

/* ---------------------------------------------------------------- nodes, skins, animations */

enum model_light_type { MODEL_DIRECTIONAL, MODEL_POINT, MODEL_SPOT };

/* KHR_lights_punctual; shines along the node's -Z. */
struct model_light {
	enum model_light_type type;
	float color[3]; /* linear */
	float intensity; /* candela; lux when directional */
	float range; /* metres; 0: without end */
	float inner, outer; /* cone angles of a spot */
};

struct model_camera {
	bool ortho;
	float yfov, aspect; /* aspect 0: the picture's */
	float xmag, ymag;
	float znear, zfar; /* zfar 0: without end */
};

struct model_node {
	const char *name; /* never NULL */
	int parent; /* -1 at the top */
	unsigned nchild;
	const uint16_t *child;
	bool fixed; /* has a matrix: cannot be moved or animated */
	float matrix[16]; /* when fixed */
	float t[3], r[4], s[3]; /* else */
	int mesh, skin, camera, light;
	unsigned nweight; /* morph weights of the node; 0: those of the mesh */
	const float *weight;
	bool root; /* on the scene's list */
	bool visible; /* KHR_node_visibility; holds for all below */
	bool removed; /* extras.removed: a tombstone, never drawn */
	const char *participant; /* extras.participant; NULL: the node is no participant's */
	int owner; /* the nearest participant's node at or above it, -1 none: not drawn in that
		      one's view */
};

struct model_skin {
	unsigned njoint;
	const uint16_t *joint; /* nodes */
	const float *inverse_bind; /* 16 each */
};

enum model_path { MODEL_TRANSLATION, MODEL_ROTATION, MODEL_SCALE, MODEL_WEIGHTS };
enum model_step { MODEL_LINEAR, MODEL_STEP, MODEL_CUBICSPLINE };

/* width floats per key; with MODEL_CUBICSPLINE three times that: in-tangent, value, out-tangent. */
struct model_channel {
	uint16_t node;
	enum model_path path;
	enum model_step step;
	unsigned nkey, width;
	const float *time; /* growing, >= 0 */
	const float *value;
};

struct model_animation {
	const char *name; /* never NULL */
	float duration; /* last key's time */
	bool held; /* the clock does not move it: extras.playing is false */
	unsigned nchannel;
	const struct model_channel *channel;
};

/* ---------------------------------------------------------------- the whole */

struct model_stats {
	unsigned vertices, triangles, lines, points; /* of all meshes, each once */
	size_t memory; /* bytes kept, shared images included */
	unsigned images_shared; /* taken from prev without decoding */
	unsigned ignored_extensions; /* used, not required, not known here */
	unsigned ignored_attributes; /* TEXCOORD_2 and up, COLOR_1, JOINTS_1, ... */
	unsigned halved_images;
};

/* Read-only view of a model; valid as long as the model. */
struct model_view {
	unsigned nnode, nmesh, nmaterial, ntexture, nimage, nskin, nanimation, nlight, ncamera;
	const struct model_node *node;
	const struct model_mesh *mesh;
	const struct model_material *material; /* [nmaterial - 1]: the default material */
	const struct model_texture *texture;
	const struct model_image *const *image; /* NULL: no material needs it */
	const struct model_skin *skin;
	const struct model_animation *animation;
	const struct model_light *light;
	const struct model_camera *camera;
	const uint16_t *order; /* all nodes, parents before their children */
	int64_t rev; /* /scenes/0/extras/rev, -1 none */
	struct model_stats stats;
};

/*
 * Bytes of an external buffer or image. uri is relative and percent-decoded, and goes no way up: it
 * holds no "..", no scheme, no leading '/', no backslash, no control character. The bytes stay
 * valid until model_load() returns. 0, -ENOENT or another negative errno.
 */
typedef int model_resolve_cb(void *user, const char *uri, struct ar_span *bytes);

struct model_source {
	struct ar_span bytes; /* JSON text, or GLB (told apart by its magic) */
	model_resolve_cb *resolve; /* NULL: external resources are refused */
	void *user;
	const struct model_limits *limits; /* NULL: the defaults */
	const struct model *prev; /* NULL, or a model whose images may be shared */
	uint64_t hash_key[2]; /* random per process, so that nobody can make two contents meet */
};

/*
 * 0, or a negative errno with where and what in why ("/nodes/3/mesh: 7 is out of range, there are
 * 2"): -EINVAL wrong document or image, -E2BIG beyond a limit, -EOPNOTSUPP requires what is not
 * there (an extension by name, Draco, Basis Universal), -ENOENT a resource is missing, -ENOMEM.
 */
int model_load(struct model **out, const struct model_source *src, struct ar_buf *why)
	__attribute__((warn_unused_result));
/*
 * Would model_load() take it? All is looked at except the pixels: images are measured, not decoded.
 * For whoever takes scenes in; needs armf_gltf_core only, which links no image library. stats may
 * be NULL.
 */
int model_check(const struct model_source *src, struct model_stats *stats, struct ar_buf *why)
	__attribute__((warn_unused_result));
/* A GLB as JSON text, its binary chunk as a data: URI. -EINVAL, -E2BIG (out's maximum), -ENOMEM. */
int model_glb_to_json(struct ar_span glb, struct ar_buf *out, struct ar_buf *why)
	__attribute__((warn_unused_result));
struct model *model_ref(struct model *m);
void model_unref(struct model *m); /* NULL is fine */
const struct model_view *model_view(const struct model *m);
/* Index of the first node that is not removed with that name, -1 none. */
int model_find_node(const struct model *m, struct ar_span name);

/*
 * One primitive's vertices with morph targets added: out takes nvertex * 3 floats each (tangent: 4,
 * w kept). NULL: not wanted; what the primitive lacks is left alone. Normals are not made unit.
 */
void model_morph(const struct model_primitive *p, const float *weight, unsigned nweight,
	float *position, float *normal, float *tangent);

#endif
