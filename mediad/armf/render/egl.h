/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The EGL display and its contexts. See render.h for the threads.
 *
 * A display is never terminated: EGL gives the same one to all who ask and does not count them, and
 * Mesa, unloaded with the last one, leaves memory behind. It goes with the process.
 */
#ifndef RENDER_EGL_H
#define RENDER_EGL_H

#include "mediad/armf/render/render.h"

#include <EGL/egl.h>

struct egl {
	EGLDisplay display;
	EGLConfig config; /* EGL_NO_CONFIG_KHR where the display does not ask for one */
	struct render_info info;
};

/* Finds a display by the configuration and makes a context once, to see that it works. -ENODEV,
 * -ENOTSUP, with what was tried in why. */
int egl_open(struct egl *e, const struct render_conf *conf, struct ar_buf *why)
	__attribute__((warn_unused_result));
/* -EIO */
int egl_context_new(const struct egl *e, EGLContext *out, struct ar_buf *why)
	__attribute__((warn_unused_result));
void egl_context_free(const struct egl *e, EGLContext c);
/* Makes it current on this thread. -EIO: it is current elsewhere. */
int egl_bind(const struct egl *e, EGLContext c) __attribute__((warn_unused_result));
void egl_unbind(const struct egl *e);

#endif
