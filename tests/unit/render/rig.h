/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the renderer's tests share: one renderer per program (in the environment RENDER_PLATFORM
 * chooses another platform than surfaceless, RENDER_DEVICE the device, RENDER_EXACT the shaders
 * that hardware gets), scenes from text and files, frames, cameras, and finding colours in frames.
 * Failures end the test.
 */
#ifndef RIG_H
#define RIG_H

#include "mediad/armf/gltf/stage.h"
#include "mediad/armf/render/render.h"

#define RIG_BACKGROUND_Y 180
#define RIG_BACKGROUND_UV 128

struct render *rig_render(void); /* made at the first call */
void rig_end(void);

struct rig_scene {
	struct model *model;
	struct stage *stage;
	struct render_view *view;
	char *text;
};

/* Loads, makes a view, loads the view. */
void rig_open_text(struct rig_scene *s, const char *gltf);
void rig_open_file(struct rig_scene *s, const char *path);
/* The model only. 0 or the loader's error. */
int rig_load_file(struct rig_scene *s, const char *path, struct ar_buf *why);
void rig_close(struct rig_scene *s);

/* A frame of one colour; with a border of RIG_GUARD bytes around each plane that rig_free_frame()
 * finds unchanged. */
#define RIG_GUARD 64
struct rig_frame {
	struct render_frame f;
	uint8_t *memory;
	size_t size;
	uint8_t background; /* brightness of rig_fill_frame() */
};
void rig_new_frame(struct rig_frame *f, int w, int h);
void rig_fill_frame(struct rig_frame *f);
/* Content that differs from pixel to pixel. */
void rig_noise_frame(struct rig_frame *f, unsigned seed);
void rig_free_frame(struct rig_frame *f);
bool rig_same(const struct rig_frame *a, const struct rig_frame *b);
/* Everything outside the rectangle as in b. */
bool rig_same_outside(
	const struct rig_frame *a, const struct rig_frame *b, const struct render_stats *st);

/* At `from`, looking at `to`, up is +Y. */
struct render_camera rig_look(const float from[3], const float to[3], float fov_y);
struct render_camera rig_look_at_scene(const struct rig_scene *s);

struct rig_rgb {
	int r, g, b;
};
struct rig_rgb rig_pixel(const struct rig_frame *f, int x, int y);

struct rig_box {
	int x0, y0, x1, y1; /* first and last pixel + 1 */
	int count;
};
struct rig_box rig_find(const struct rig_frame *f, bool (*match)(struct rig_rgb c));
bool rig_is_magenta(struct rig_rgb c);
/* What differs in brightness from a frame just filled. */
struct rig_box rig_drawn(const struct rig_frame *f);

/* Draws; the call must succeed. */
struct render_stats rig_draw(
	struct rig_scene *s, struct rig_frame *f, const struct render_camera *c);
/* As PNG to the folder RENDER_OUT, if that is set. */
void rig_save(const struct rig_frame *f, const char *name);

#endif
