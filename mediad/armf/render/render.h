/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The renderer of the AR media function: draws a glTF scene with OpenGL ES 3 on EGL, onto a camera
 * picture (overlay) or alone (split rendering, TS 26.565). Called by the media processor
 * (mediad-armf), never by the process that keeps calls.
 *
 * struct render: one per process, the EGL display and the limits. Everything about it may be called
 * from any thread once render_new() has returned.
 * struct render_view: one per stream, with its own GL context and its own GPU copy of the scene:
 * views share nothing, so that no thread waits for another in the driver. One thread at a time may
 * use a view; it is freed before its render.
 *
 * Only the rectangle that the scene covers is drawn, read back and blended by the CPU onto the
 * frame
 * ("layer"); pixels outside are not touched, and a layer whose pose and scene stand still is
 * blended again without any GL.
 *
 * Coordinates are glTF's: right-handed, +Y up, metres; a camera looks along its -Z. Matrices are
 * column-major. Pictures are I420, BT.601 limited range, the first row on top. Errors are 0 or a
 * negative errno; `why` gets a text for a person (what, where, what to do) and may be NULL.
 */
#ifndef RENDER_H
#define RENDER_H

#include "common/ar_buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;
struct stage;
struct render;
struct render_view;

#define RENDER_MAX_SIDE 4096 /* pixels, of a frame */
#define RENDER_MAX_LIGHTS 8 /* further ones do not shine */
#define RENDER_MAX_JOINTS 256 /* the 16 KiB of uniforms that OpenGL ES 3 promises */
#define RENDER_MAX_EYES 2
#define RENDER_MAX_SPARE 16 /* prewarmed views */

enum render_platform {
	RENDER_SURFACELESS, /* no device: Mesa's software renderer */
	RENDER_DEVICE, /* a GPU, by its number */
	RENDER_AUTO, /* a GPU if one works, else surfaceless */
};

/* Zeros are the defaults. */
struct render_conf {
	enum render_platform platform;
	int device; /* RENDER_DEVICE: number in EGL's list; -1: the first hardware that works */
	const char *cache_dir; /* of compiled shaders (MESA_SHADER_CACHE_DIR); NULL: none is kept */
	unsigned max_triangles; /* drawn in a frame; 0: 20,000 in software, 2,000,000 on hardware */
	unsigned max_scene_triangles; /* a scene with more is refused; 0: 50 times as many */
	bool exact; /* software too shades by the full formulas, as hardware does; a third slower */
	size_t max_texture_bytes; /* of a scene, mipmaps included; 0: 128 MiB */
};

/* "surfaceless", "device", "auto"; -EINVAL. */
int render_platform_parse(const char *text, enum render_platform *out)
	__attribute__((warn_unused_result));

struct render_info {
	char renderer[128]; /* "llvmpipe (LLVM 15.0.6, 256 bits), Mesa 22.3.6" */
	char platform[64]; /* "surfaceless", "device 0 (/dev/dri/card0)" */
	bool hardware;
};

/* Sets LP_NUM_THREADS=0 (all work stays on the calling thread) and the shader cache's variables in
 * the process's environment, so it comes before other threads exist. -ENODEV: no such display,
 * -ENOTSUP: it lacks OpenGL ES 3. */
int render_new(struct render **out, const struct render_conf *conf, struct ar_buf *why)
	__attribute__((warn_unused_result));
void render_free(struct render *r);
const struct render_info *render_get_info(const struct render *r);
/* Makes n views, compiles and runs the usual shaders in each and keeps them for render_view_new(),
 * so that no call waits for the compiler (some 0.5 s of CPU for the first, less for the next when
 * there is a shader cache). Freed views go back there until there are n. */
int render_prewarm(struct render *r, unsigned n, struct ar_buf *why)
	__attribute__((warn_unused_result));

/* -EMFILE, -ENOMEM, -EIO with the reason. */
int render_view_new(struct render_view **out, struct render *r, struct ar_buf *why)
	__attribute__((warn_unused_result));
void render_view_free(struct render_view *v);

/* What the view draws from now on; NULL: nothing. Vertices and textures with the content of before
 * are kept on the GPU, if the models were loaded with the same hash_key. The view holds a reference
 * to the model. -EFBIG: more triangles or texture
 * bytes than allowed; the old model is then gone too. */
int render_view_load(struct render_view *v, struct model *m, struct ar_buf *why)
	__attribute__((warn_unused_result));

/* Draws everything that the stage shows once, for nobody: what the driver has to compile for this
 * scene (up to some 0.4 s without a shader cache) is compiled now and not when a node first comes
 * into view. To be had without a gap in the stream: load and rehearse another view on another
 * thread, then use that one. -EINVAL: the stage is not of the loaded model. */
int render_view_rehearse(struct render_view *v, const struct stage *stage)
	__attribute__((warn_unused_result));

struct render_frame {
	uint8_t *plane[3];
	int stride[3];
	int width, height; /* any, odd ones too; at most RENDER_MAX_SIDE */
};

struct render_camera {
	float position[3], orientation[4]; /* x y z w */
	float fov_y; /* radians, of the frame's height; not above 0: projection */
	float projection[16]; /* as WebXR gives it; its near and far are kept */
	float near, far; /* for fov_y; 0: 0.05 and 100 m */
};

enum render_quality {
	RENDER_NORMAL, /* by kind of renderer */
	RENDER_FAST, /* no multisampling, one light's worth of shading where it pays */
	RENDER_BEST, /* four samples a pixel */
};

struct render_options {
	int own; /* the participant's own node, whose avatar is not drawn; -1: none */
	enum render_quality quality;
	/* an overlay: what is to be drawn upon, of the same size; the frame gets it where anything
	 * is drawn, grown to multiples of 16 pixels, and is left alone elsewhere. NULL: it is in
	 * the frame */
	const struct render_frame *under;
};

struct render_stats {
	int x, y, width,
		height; /* rectangle blended; 0 x 0: nothing is visible, nothing was done */
	unsigned triangles; /* sent to GL, also when cached: those in the layer */
	unsigned nodes; /* drawn */
	/* over the budget, the smallest on screen first: with less detail, then not at all */
	unsigned nodes_reduced, nodes_left_out;
	bool cached; /* the layer of before */
	uint32_t cpu_us; /* of the calling thread */
};

struct render_totals {
	uint64_t frames, cached, empty, over_budget, failed;
	uint64_t plain; /* layers drawn without GL */
	uint64_t gpu_bytes; /* buffers, textures and targets of this view now */
	uint64_t uploads, kept; /* buffers and textures at loads: sent, and kept by content */
};

/* Draws onto the frame the stage as it was last evaluated. -EINVAL: camera or frame is none, or the
 * stage is not of the loaded model; -EIO: GL failed, the frame is as it
 * was. */
int render_view_overlay(struct render_view *v, const struct render_frame *f,
	const struct stage *stage, const struct render_camera *camera,
	const struct render_options *opt, struct render_stats *st)
	__attribute__((warn_unused_result));

/* The scene alone on a background (0xRRGGBB), one eye, or two side by side, each half the width. */
int render_view_split(struct render_view *v, const struct render_frame *f,
	const struct stage *stage, const struct render_camera *eyes, unsigned n,
	uint32_t background, const struct render_options *opt, struct render_stats *st)
	__attribute__((warn_unused_result));

void render_view_get_totals(const struct render_view *v, struct render_totals *out);

/* The frame as PNG, appended to out. No GL. -ENOMEM, -ENOBUFS (out's maximum), -EINVAL. */
int render_png(const struct render_frame *f, struct ar_buf *out)
	__attribute__((warn_unused_result));

#endif
