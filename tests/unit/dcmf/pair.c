/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pair.h"

#include "mediad/ctl/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

void connect_two(struct pair *p)
{
	rig_start(&p->r, NULL);
	rig_create(&p->r, 2);
	p->a = (struct ue){.peer = fake_peer(0)};
	p->b = (struct ue){.peer = fake_peer(1)};
	fake_connect(p->a.peer);
	fake_connect(p->b.peer);
	rig_pass(&p->r, 100 * MS);
	ue_read(&p->r, &p->a, 0);
	ue_read(&p->r, &p->b, 0);
}

void done(struct pair *p)
{
	ue_free(&p->a);
	ue_free(&p->b);
	rig_stop(&p->r);
}

void settle(struct pair *p)
{
	rig_pass(&p->r, 1500 * MS);
	ue_read(&p->r, &p->a, 0);
	ue_read(&p->r, &p->b, 0);
	ue_assert_same(&p->r, &p->a);
	ue_assert_same(&p->r, &p->b);
	assert_int_equal(p->a.lost + p->b.lost, 0);
}

json_t *at(struct ue *u, const char *pointer)
{
	json_t *v = json_pointer_get(u->doc, pointer);

	if (!v)
		fail_msg("nothing at %s of %s", pointer, json_dumps(u->doc, 0));
	return v;
}

long counter(struct rig *r, const char *name)
{
	json_t *o = json_object();
	long v;

	dcmf_get_stats(r->d, o);
	v = (long)json_integer_value(json_object_get(o, name));
	if (!json_object_get(o, name))
		fail_msg("no counter %s", name);
	json_decref(o);
	return v;
}

const char *ack_code(json_t *ack)
{
	const char *s = json_string_value(json_pointer_get(ack, "/ack/code"));

	return s ? s : json_is_true(json_pointer_get(ack, "/ack/ok")) ? "ok" : "?";
}

void act(struct ue *u, const char *action, const char *want)
{
	json_t *ack = ue_act(u, action);

	if (!ack || strcmp(ack_code(ack), want) != 0)
		fail_msg("%s: %s", action, ack ? json_dumps(ack, 0) : "no answer");
	json_decref(ack);
}
