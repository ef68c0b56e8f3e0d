/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the renderer know of each other. */
#ifndef RENDER_INT_H
#define RENDER_INT_H

#include "mediad/armf/render/draw.h"
#include "mediad/armf/render/egl.h"
#include "mediad/armf/render/layer.h"
#include "mediad/armf/render/soft.h"
#include "mediad/armf/render/target.h"

#include <pthread.h>

struct render {
	struct egl egl;
	struct render_conf conf; /* defaults filled in; cache_dir is not kept */
	pthread_mutex_t lock; /* for what follows */
	struct render_view *spare[RENDER_MAX_SPARE];
	unsigned nspare, want_spare;
};

/* What an eye's layer was drawn from; the same again means the same picture. */
struct view_key {
	bool valid;
	uint64_t version;
	struct render_camera camera;
	int w, h, own;
	enum render_quality quality;
};

struct view_eye {
	struct view_key key;
	struct layer layer;
	unsigned triangles, nodes, reduced, left_out;
};

struct render_view {
	struct render *render;
	EGLContext context;
	struct draw draw;
	struct gpu_model gpu;
	const struct stage *stage; /* drawn last; never followed */
	struct draw_list list;
	struct target target;
	struct soft *soft; /* NULL: hardware, or exact */
	bool rehearsing; /* all is GL's: its shaders are to be compiled */
	struct view_eye eye[RENDER_MAX_EYES];
	struct render_totals totals;
};

/* view.c: without the pool of spare ones */
int view_make(struct render_view **out, struct render *r, struct ar_buf *why)
	__attribute__((warn_unused_result));
void view_destroy(struct render_view *v);
/* As if new, with its compiled shaders. */
void view_reset(struct render_view *v);
/* The next frame is drawn anew. */
void view_forget(struct render_view *v);
/* prewarm.c */
int view_warm(struct render_view *v, struct ar_buf *why) __attribute__((warn_unused_result));

#endif
