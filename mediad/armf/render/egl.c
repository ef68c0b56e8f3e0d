/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/egl.h"

#include <EGL/eglext.h>
#include <GLES3/gl3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEVICES 32
#define CACHE_SIZE "64M" /* a scene's shaders take some 10 KiB each */

static void say(struct ar_buf *why, const char *what)
{
	if (why)
		ar_buf_printf(why, "%s%s", why->n ? "; " : "", what);
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && (p = strstr(p, word)); p += n) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	}
	return false;
}

static const char *error_name(EGLint e)
{
	switch (e) {
	case EGL_SUCCESS:
		return "no reason given";
	case EGL_NOT_INITIALIZED:
		return "EGL_NOT_INITIALIZED";
	case EGL_BAD_ACCESS:
		return "EGL_BAD_ACCESS";
	case EGL_BAD_ALLOC:
		return "EGL_BAD_ALLOC";
	case EGL_BAD_MATCH:
		return "EGL_BAD_MATCH";
	case EGL_CONTEXT_LOST:
		return "EGL_CONTEXT_LOST";
	default:
		return "another EGL error";
	}
}

/* ---------------------------------------------------------------- contexts */

int egl_context_new(const struct egl *e, EGLContext *out, struct ar_buf *why)
{
	static const EGLint want[] = {
		EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 0, EGL_NONE};

	if (eglBindAPI(EGL_OPENGL_ES_API))
		*out = eglCreateContext(e->display, e->config, EGL_NO_CONTEXT, want);
	else
		*out = EGL_NO_CONTEXT;
	if (*out != EGL_NO_CONTEXT)
		return 0;
	if (why)
		ar_buf_printf(why, "%sno OpenGL ES 3 context: %s", why->n ? "; " : "",
			error_name(eglGetError()));
	return -EIO;
}

void egl_context_free(const struct egl *e, EGLContext c)
{
	if (c != EGL_NO_CONTEXT)
		eglDestroyContext(e->display, c);
}

int egl_bind(const struct egl *e, EGLContext c)
{
	/* EGL's current API is a thing of the thread, OpenGL ES from the start */
	return eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, c) ? 0 : -EIO;
}

void egl_unbind(const struct egl *e)
{
	eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
}

/* ---------------------------------------------------------------- displays */

/* By renderer string: Mesa tells the kind of a device only on its device platform. */
static bool is_software(const char *renderer)
{
	static const char *const names[] = {
		"llvmpipe", "softpipe", "swr", "SwiftShader", "lavapipe"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strstr(renderer, names[i]))
			return true;
	}
	return false;
}

static const char *gl_text(GLenum what)
{
	const char *s = (const char *)glGetString(what);

	return s ? s : "?";
}

static int try_context(struct egl *e, struct ar_buf *why)
{
	EGLContext c;
	int rc = egl_context_new(e, &c, why);

	if (rc)
		return -ENOTSUP;
	rc = egl_bind(e, c);
	if (rc) {
		say(why, "its context cannot be used without a window");
		egl_context_free(e, c);
		return -ENOTSUP;
	}
	snprintf(e->info.renderer, sizeof(e->info.renderer), "%s, %s", gl_text(GL_RENDERER),
		gl_text(GL_VERSION));
	e->info.hardware = !is_software(gl_text(GL_RENDERER));
	egl_unbind(e);
	egl_context_free(e, c);
	return 0;
}

static int choose_config(struct egl *e, const char *extensions)
{
	static const EGLint want[] = {
		EGL_RENDERABLE_TYPE, EGL_OPENGL_ES3_BIT, EGL_SURFACE_TYPE, EGL_DONT_CARE, EGL_NONE};
	EGLint n = 0;

	e->config = EGL_NO_CONFIG_KHR;
	if (has_word(extensions, "EGL_KHR_no_config_context"))
		return 0;
	return eglChooseConfig(e->display, want, &e->config, 1, &n) && n > 0 ? 0 : -ENOTSUP;
}

static int open_display(struct egl *e, EGLDisplay d, struct ar_buf *why)
{
	const char *extensions;

	if (d == EGL_NO_DISPLAY || !eglInitialize(d, NULL, NULL)) {
		say(why, error_name(eglGetError()));
		return -ENODEV;
	}
	e->display = d;
	extensions = eglQueryString(d, EGL_EXTENSIONS);
	if (!has_word(extensions, "EGL_KHR_surfaceless_context"))
		say(why, "it lacks EGL_KHR_surfaceless_context");
	else if (choose_config(e, extensions))
		say(why, "it has no configuration for OpenGL ES 3");
	else if (!try_context(e, why))
		return 0;
	return -ENOTSUP;
}

static int open_surfaceless(struct egl *e, struct ar_buf *why)
{
	const char *client = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);

	snprintf(e->info.platform, sizeof(e->info.platform), "surfaceless");
	if (!has_word(client, "EGL_MESA_platform_surfaceless")) {
		say(why, "this EGL has no surfaceless platform (is libegl-mesa0 installed?)");
		return -ENODEV;
	}
	return open_display(e,
		eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL),
		why);
}

struct devices {
	PFNEGLQUERYDEVICESEXTPROC list;
	PFNEGLQUERYDEVICESTRINGEXTPROC text;
	EGLDeviceEXT device[MAX_DEVICES];
	EGLint n;
};

static int list_devices(struct devices *d, struct ar_buf *why)
{
	d->list = (PFNEGLQUERYDEVICESEXTPROC)eglGetProcAddress("eglQueryDevicesEXT");
	d->text = (PFNEGLQUERYDEVICESTRINGEXTPROC)eglGetProcAddress("eglQueryDeviceStringEXT");
	if (d->list && d->text && d->list(MAX_DEVICES, d->device, &d->n))
		return 0;
	say(why, "this EGL cannot list its devices");
	return -ENODEV;
}

static const char *device_file(const struct devices *d, int i)
{
	const char *ext = d->text(d->device[i], EGL_EXTENSIONS);
	const char *file = NULL;

	if (has_word(ext, "EGL_EXT_device_drm"))
		file = d->text(d->device[i], EGL_DRM_DEVICE_FILE_EXT);
	if (has_word(ext, "EGL_MESA_device_software"))
		return "software";
	return file ? file : "no device file";
}

static int open_device(struct egl *e, const struct devices *d, int i, struct ar_buf *why)
{
	snprintf(e->info.platform, sizeof(e->info.platform), "device %d (%.40s)", i,
		device_file(d, i));
	if (why)
		ar_buf_printf(why, "%s%s: ", why->n ? "; " : "", e->info.platform);
	return open_display(
		e, eglGetPlatformDisplay(EGL_PLATFORM_DEVICE_EXT, d->device[i], NULL), why);
}

/* want -1: the first hardware that works. */
static int open_devices(struct egl *e, int want, struct ar_buf *why)
{
	struct devices d = {.n = 0};
	int rc = list_devices(&d, why);

	if (rc)
		return rc;
	if (want >= d.n) {
		if (why)
			ar_buf_printf(why, "there is no device %d, EGL knows %d", want, d.n);
		return -ENODEV;
	}
	if (want >= 0)
		return open_device(e, &d, want, why);
	for (int i = 0; i < d.n; i++) {
		if (has_word(d.text(d.device[i], EGL_EXTENSIONS), "EGL_MESA_device_software"))
			continue;
		if (open_device(e, &d, i, why))
			continue;
		if (e->info.hardware)
			return 0;
		say(why, "draws in software");
	}
	say(why, "no GPU that works was found");
	return -ENODEV;
}

static void set_environment(const struct render_conf *c)
{
	/* llvmpipe would start a thread per core and context: streams are threads already */
	setenv("LP_NUM_THREADS", "0", 1);
	if (c->cache_dir) {
		setenv("MESA_SHADER_CACHE_DIR", c->cache_dir, 1);
		setenv("MESA_SHADER_CACHE_MAX_SIZE", CACHE_SIZE, 0);
		unsetenv("MESA_SHADER_CACHE_DISABLE");
	} else {
		setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
	}
}

int egl_open(struct egl *e, const struct render_conf *conf, struct ar_buf *why)
{
	int rc;

	set_environment(conf);
	memset(e, 0, sizeof(*e));
	e->display = EGL_NO_DISPLAY;
	switch (conf->platform) {
	case RENDER_DEVICE:
		return open_devices(e, conf->device, why);
	case RENDER_AUTO:
		rc = open_devices(e, -1, why);
		if (rc)
			rc = open_surfaceless(e, why);
		if (!rc && why)
			ar_buf_reset(why);
		return rc;
	default:
		return open_surfaceless(e, why);
	}
}
