/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the bootstrap channels of one subscriber show: the application of its call, and the files
 * of its call's scene (docs/messages.md, Bootstrap).
 */
#include "mediad/dcmf/dcmf_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* TS 26.114 table 6.2.10.1-2: whose applications a stream is for. */
static const char *source_of(uint16_t id)
{
	static const struct {
		uint16_t id;
		const char *name;
	} known[] = {{0, "local-network"}, {10, "local-user"}, {100, "remote-network"},
		{110, "remote-user"}};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].id == id)
			return known[i].name;
	}
	return "local-network";
}

/* UEs bring their own applications; the network keeps none for them. */
static bool of_network(uint16_t id)
{
	return id != 10 && id != 110;
}

static const char *application_of(const struct context *c)
{
	const char *name = json_string_value(
		json_object_get(json_object_get(c->doc, "x-ims-ar"), "application"));

	return name && *name ? name : c->d->conf.application;
}

static json_t *scene_entry(const struct context *c)
{
	static const char *const endings[] = {".gltf", ".glb"};
	json_t *o = json_pack("{s:s}", "name", c->scene);
	char name[ASSETS_MAX_NAME];

	for (unsigned i = 0; i < 2; i++) {
		const struct asset *x;

		snprintf(name, sizeof(name), "scenes/%s%s", c->scene, endings[i]);
		x = assets_find(c->d->conf.assets, ar_span_str(name));
		if (!x || !x->scene)
			continue;
		json_object_set_new(o, "url", json_sprintf("/%s", name));
		json_object_set_new(o, "size", json_integer((json_int_t)x->data.n));
		json_object_set_new(o, "version", json_string(x->etag));
		break;
	}
	return o;
}

static json_t *application_entry(const struct context *c)
{
	const struct asset *x = assets_find(c->d->conf.assets, AR_SPAN("index.html"));
	json_t *o = json_pack("{s:s, s:o, s:[s, s]}", "id", application_of(c), "scene",
		scene_entry(c), "channels", "mpeg-sd", "3gpp-ar-metadata");

	if (o && x) {
		json_object_set_new(o, "url", json_string("/index.html"));
		json_object_set_new(o, "type", json_string("text/html"));
		json_object_set_new(o, "size", json_integer((json_int_t)x->data.n));
		json_object_set_new(o, "version", json_string(x->etag));
	}
	return o;
}

static int append(const char *text, size_t n, void *arg)
{
	return ar_buf_add(arg, text, n);
}

static int list(void *arg, uint16_t id, struct ar_buf *out)
{
	const struct termination *t = arg;
	json_t *apps = json_array(), *o = NULL;
	int err = -ENOMEM;

	if (apps && of_network(id))
		json_array_append_new(apps, application_entry(t->ctx));
	if (apps)
		o = json_pack("{s:s, s:s, s:O}", "subscriber", app_participant_user(t->part),
			"source", source_of(id), "applications", apps);
	if (o && json_dump_callback(o, append, out, JSON_COMPACT) == 0)
		err = 0;
	json_decref(o);
	json_decref(apps);
	return err;
}

static bool names(const json_t *doc, const char *list_name, const char *file)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(doc, list_name), i, v)
	{
		const char *uri = json_string_value(json_object_get(v, "uri"));

		if (uri && strcmp(uri, file) == 0)
			return true;
	}
	return false;
}

/* The scene's own file, and what the scene names beside it: nobody reads another call's. */
static bool may_have(void *arg, const struct asset *x)
{
	const struct termination *t = arg;
	const char *file = x->name + strlen("scenes/");
	const json_t *doc = scene_doc(app_scene(t->ctx->app));
	size_t n = strlen(t->ctx->scene);

	if (strncmp(file, t->ctx->scene, n) == 0 &&
		(strcmp(file + n, ".gltf") == 0 || strcmp(file + n, ".glb") == 0))
		return true;
	return names(doc, "buffers", file) || names(doc, "images", file);
}

void site_of(struct termination *t, struct boot_site *out)
{
	*out = (struct boot_site){
		.assets = t->ctx->d->conf.assets, .list = list, .may_have = may_have, .arg = t};
}
