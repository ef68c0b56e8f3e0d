/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The framebuffer that a view draws its rectangle into. Needs the context current. */
#ifndef RENDER_TARGET_H
#define RENDER_TARGET_H

#include <GLES3/gl3.h>
#include <stddef.h>
#include <stdint.h>

struct target {
	int w, h, samples;
	GLuint draw, color, depth; /* draw: what is drawn into */
	GLuint resolve, resolved; /* with samples: what is read from */
};

/* At least w x h, cleared, bound, scissor set to it. -ENOMEM. */
int target_begin(struct target *t, int w, int h, int samples) __attribute__((warn_unused_result));
/* w x h pixels from the lower left corner, RGBA, the row y = 0 first. -EIO. */
int target_read(struct target *t, int w, int h, uint8_t *out) __attribute__((warn_unused_result));
void target_free(struct target *t);
size_t target_bytes(const struct target *t);

#endif
