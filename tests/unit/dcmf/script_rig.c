/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "script_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void script_write(const char *text)
{
	static char folder[64];
	char path[128];
	FILE *f;

	if (!*folder || rig_apps != folder) {
		snprintf(folder, sizeof(folder), "/tmp/ims-ar-apps-XXXXXX");
		assert_non_null(mkdtemp(folder));
		rig_apps = folder;
	}
	snprintf(path, sizeof(path), "%s/app.lua", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void create(struct rig *r, const char *application, unsigned n)
{
	char *body = rig_body(n), *text;
	json_t *doc = json_loads(body, 0, NULL), *j;

	free(body);
	json_object_set_new(
		json_object_get(doc, "x-ims-ar"), "application", json_string(application));
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (rig_post(r, text, &j) != 201)
		fail_msg("%s", json_dumps(j, 0));
	json_decref(j);
	free(text);
}

void script_start(struct script_rig *s, const char *application, unsigned n)
{
	*s = (struct script_rig){.n = n};
	rig_start(&s->r, NULL);
	create(&s->r, application, n);
	for (unsigned i = 0; i < n; i++)
		s->ue[i].peer = fake_peer(i);
	for (unsigned i = 0; i < n; i++) {
		fake_connect(s->ue[i].peer);
		script_pass(s, 20 * MS);
	}
	script_pass(s, 500 * MS);
}

void script_stop(struct script_rig *s)
{
	for (unsigned i = 0; i < s->n; i++)
		ue_free(&s->ue[i]);
	rig_stop(&s->r);
}

void script_pass(struct script_rig *s, uint64_t us)
{
	rig_pass(&s->r, us);
	for (unsigned i = 0; i < s->n; i++) {
		if (s->ue[i].peer)
			ue_read(&s->r, &s->ue[i], 0);
	}
}

/* The next message whose type ends so; others are dropped. */
static json_t *take(struct script_rig *s, unsigned ue, const char *type, const char *member)
{
	struct fake_message m;
	json_t *j, *v = NULL;

	while (!v && fake_take(s->ue[ue].peer, META, &m)) {
		j = json_loadb(m.text, m.n, 0, NULL);
		if (strcmp(json_string_value(json_object_get(j, "type")), type) == 0)
			v = json_incref(json_object_get(j, member));
		json_decref(j);
	}
	return v;
}

json_t *script_act(struct script_rig *s, unsigned ue, const char *action)
{
	char text[8192];
	json_t *ack = NULL;

	snprintf(text, sizeof(text), "{\"action\":%s}", action);
	fake_deliver(s->ue[ue].peer, META, text);
	/* on a busy machine a script may have used its share already */
	for (int i = 0; i < 40 && !ack; i++) {
		script_pass(s, 50 * MS);
		ack = take(s, ue, "urn:x-imsar:action-ack:1", "ack");
	}
	if (!ack)
		fail_msg("no acknowledgement of %s", action);
	return ack;
}

void script_expect(struct script_rig *s, unsigned ue, const char *action, const char *code)
{
	json_t *ack = script_act(s, ue, action);
	const char *got = json_string_value(json_object_get(ack, "code"));

	if (code)
		assert_string_equal(got ? got : "(done)", code);
	else if (got)
		fail_msg("%s: %s, %s", action, got,
			json_string_value(json_object_get(ack, "reason")));
	json_decref(ack);
}

json_t *script_message(struct script_rig *s, unsigned ue)
{
	return take(s, ue, "urn:x-imsar:app:1", "message");
}

void script_forget(struct script_rig *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct fake_message m;

		while (fake_take(s->ue[i].peer, META, &m))
			;
	}
}

int script_node(struct script_rig *s, const char *name)
{
	json_t *doc = rig_scene(&s->r), *v;
	int found = -1;
	size_t i;

	json_array_foreach(json_object_get(doc, "nodes"), i, v)
	{
		const char *n = json_string_value(json_object_get(v, "name"));

		if (n && strcmp(n, name) == 0)
			found = (int)i;
	}
	json_decref(doc);
	return found;
}

long script_counter(struct script_rig *s, const char *name)
{
	json_t *o = json_object();
	long v;

	dcmf_get_stats(s->r.d, o);
	if (!json_object_get(o, name))
		fail_msg("no counter %s", name);
	v = (long)json_integer_value(json_object_get(o, name));
	json_decref(o);
	return v;
}
