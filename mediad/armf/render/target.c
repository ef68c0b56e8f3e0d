/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/target.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define STEP 64 /* sizes are multiples of it: llvmpipe draws in tiles of that size */

void target_free(struct target *t)
{
	glDeleteFramebuffers(1, &t->draw);
	glDeleteRenderbuffers(1, &t->color);
	glDeleteRenderbuffers(1, &t->depth);
	glDeleteFramebuffers(1, &t->resolve);
	glDeleteRenderbuffers(1, &t->resolved);
	memset(t, 0, sizeof(*t));
}

size_t target_bytes(const struct target *t)
{
	size_t n = (size_t)t->w * (size_t)t->h, samples = t->samples > 1 ? (size_t)t->samples : 1;

	return n * 8 * samples + (t->samples > 1 ? n * 4 : 0);
}

static GLuint add(GLenum what, GLenum format, int w, int h, int samples)
{
	GLuint r;

	glGenRenderbuffers(1, &r);
	glBindRenderbuffer(GL_RENDERBUFFER, r);
	if (samples > 1)
		glRenderbufferStorageMultisample(GL_RENDERBUFFER, samples, format, w, h);
	else
		glRenderbufferStorage(GL_RENDERBUFFER, format, w, h);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, what, GL_RENDERBUFFER, r);
	return r;
}

static int make(struct target *t, int w, int h, int samples)
{
	GLenum state;

	target_free(t);
	t->w = w;
	t->h = h;
	t->samples = samples;
	if (samples > 1) {
		glGenFramebuffers(1, &t->resolve);
		glBindFramebuffer(GL_FRAMEBUFFER, t->resolve);
		t->resolved = add(GL_COLOR_ATTACHMENT0, GL_RGBA8, w, h, 0);
	}
	glGenFramebuffers(1, &t->draw);
	glBindFramebuffer(GL_FRAMEBUFFER, t->draw);
	t->color = add(GL_COLOR_ATTACHMENT0, GL_RGBA8, w, h, samples);
	t->depth = add(GL_DEPTH_ATTACHMENT, GL_DEPTH_COMPONENT24, w, h, samples);
	state = glCheckFramebufferStatus(GL_FRAMEBUFFER);
	if (state == GL_FRAMEBUFFER_COMPLETE)
		return 0;
	target_free(t);
	return -ENOMEM;
}

/* Too small, or so large that clearing all of it costs more than making another. */
static bool unfit(const struct target *t, int w, int h, int samples)
{
	return t->w < w || t->h < h || t->samples != samples || (t->w - w) * t->h > 2 * w * h ||
	       (t->h - h) * t->w > 2 * w * h;
}

int target_begin(struct target *t, int w, int h, int samples)
{
	/* room to grow: a moving picture changes its size a little in every frame */
	int nw = (w + w / 8 + STEP - 1) / STEP * STEP, nh = (h + h / 8 + STEP - 1) / STEP * STEP;

	if (unfit(t, w, h, samples) && make(t, nw, nh, samples))
		return -ENOMEM;
	glBindFramebuffer(GL_FRAMEBUFFER, t->draw);
	glDisable(GL_SCISSOR_TEST);
	glDepthMask(GL_TRUE);
	glClearColor(0, 0, 0, 0);
	/* all of it: that is quick, while part of it Mesa draws as a rectangle */
	glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
	glEnable(GL_SCISSOR_TEST);
	glScissor(0, 0, w, h);
	return 0;
}

int target_read(struct target *t, int w, int h, uint8_t *out)
{
	static const GLenum depth = GL_DEPTH_ATTACHMENT;

	/* nobody reads the depth: a GPU need not write it to memory */
	glInvalidateFramebuffer(GL_FRAMEBUFFER, 1, &depth);
	if (t->samples > 1) {
		glBindFramebuffer(GL_READ_FRAMEBUFFER, t->draw);
		glBindFramebuffer(GL_DRAW_FRAMEBUFFER, t->resolve);
		glBlitFramebuffer(0, 0, w, h, 0, 0, w, h, GL_COLOR_BUFFER_BIT, GL_NEAREST);
		glBindFramebuffer(GL_FRAMEBUFFER, t->resolve);
	}
	glPixelStorei(GL_PACK_ALIGNMENT, 4);
	glReadPixels(0, 0, w, h, GL_RGBA, GL_UNSIGNED_BYTE, out);
	return glGetError() == GL_NO_ERROR ? 0 : -EIO;
}
