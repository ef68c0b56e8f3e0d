/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Behaviors of scenes (MPEG_scene_interactivity): what is refused, and what participants set off.
 */
#include "rig.h"

#include "mediad/ctl/json_patch.h"
#include "mediad/scene/interact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MS 1000ull

static struct rig r;
static struct ue a, b;

/* Nodes: 0 lamp, 1 door, 2 child of 3, 3 parent, 4 matrix, 5 object without mesh. */
static const char base[] =
	"{\"asset\":{\"version\":\"2.0\"},\"extensionsUsed\":[\"MPEG_scene_interactivity\","
	"\"MPEG_media\"],\"extensions\":{\"MPEG_media\":{\"media\":[{\"name\":\"v\"}]}},"
	"\"materials\":[{},{}],\"accessors\":[{\"componentType\":5126,\"count\":3,\"type\":"
	"\"VEC3\","
	"\"min\":[0,0,0],\"max\":[1,1,1]}],"
	"\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":0},\"material\":0}]}],"
	"\"nodes\":[{\"name\":\"lamp\",\"mesh\":0},{\"name\":\"door\",\"translation\":[0,0,-5],"
	"\"extras\":{\"object\":true}},{},{\"children\":[2]},{\"matrix\":[1,0,0,0,0,1,0,0,0,0,1,0,"
	"0,"
	"0,0,1]},{\"name\":\"thing\",\"extras\":{\"object\":true}}],"
	"\"animations\":[{\"name\":\"x\"}],\"scenes\":[{\"nodes\":[0,1,3,4,5]%s}]}";

#define EXT(t, a, b)                                                                               \
	",\"extensions\":{\"MPEG_scene_interactivity\":{\"triggers\":[" t "],\"actions\":[" a      \
	"],\"behaviors\":[" b "]}}"
#define NEAR "{\"type\":\"TRIGGER_PROXIMITY\",\"nodes\":[0],\"distanceUpperLimit\":1}"
#define TAP "{\"type\":\"TRIGGER_USER_INPUT\",\"userInputDescription\":\"tap\",\"nodes\":[0]}"
#define GRIP "{\"type\":2,\"userInputDescription\":\"/user/hand/left/grip\"}"
#define LIT "{\"type\":\"ACTION_SET_MATERIAL\",\"material\":1,\"nodes\":[0]}"
#define DARK "{\"type\":\"ACTION_SET_MATERIAL\",\"material\":0,\"nodes\":[0]}"
#define HOW(t, f, on, act, prio)                                                                   \
	"{\"triggers\":[" t "],\"actions\":[" act "],\"triggersCombinationControl\":\"" f          \
	"\",\"triggersActivationControl\":\"TRIGGER_ACTIVATE_" on                                  \
	"\",\"actionsControl\":\"SEQUENTIAL\",\"priority\":" prio "}"

static json_t *document(const char *ext)
{
	char text[8192];
	json_t *j;

	snprintf(text, sizeof(text), base, ext);
	j = json_loads(text, 0, NULL);
	if (!j)
		fail_msg("%s", text);
	return j;
}

static void refused(void **state)
{
	static const struct {
		const char *ext, *why;
	} all[] = {
		{EXT("", LIT, HOW("0", "", "ON", "0", "1")), "triggers/0/: want a list of 1 to 64"},
		{EXT("1", LIT, HOW("0", "", "ON", "0", "1")), "want an object"},
		{EXT("{\"type\":\"X\"}", LIT, HOW("0", "", "ON", "0", "1")), "triggers/0/type"},
		{EXT("{\"type\":1,\"nodes\":[9]}", LIT, HOW("0", "", "ON", "0", "1")),
			"no such node"},
		{EXT("{\"type\":1,\"nodes\":[2]}", LIT, HOW("0", "", "ON", "0", "1")),
			"without parent"},
		{EXT("{\"type\":1,\"nodes\":[4]}", LIT, HOW("0", "", "ON", "0", "1")), "or matrix"},
		{EXT("{\"type\":1,\"nodes\":[0],\"distanceLowerLimit\":-1}", LIT,
			 HOW("0", "", "ON", "0", "1")),
			"distanceLowerLimit: want a number"},
		{EXT("{\"type\":1,\"nodes\":[0],\"distanceLowerLimit\":2,"
		     "\"distanceUpperLimit\":1}",
			 LIT, HOW("0", "", "ON", "0", "1")),
			"above"},
		{EXT("{\"type\":2}", LIT, HOW("0", "", "ON", "0", "1")), "userInputDescription"},
		{EXT(NEAR, "{\"type\":\"ACTION_SET_MATERIAL\",\"material\":2,\"nodes\":[0]}",
			 HOW("0", "", "ON", "0", "1")),
			"actions/0/material: no such entry, there are 2"},
		{EXT(NEAR, "{\"type\":6,\"material\":0,\"nodes\":[5]}",
			 HOW("0", "", "ON", "0", "1")),
			"no mesh"},
		{EXT(NEAR, "{\"type\":3,\"animation\":1,\"animationControl\":0}",
			 HOW("0", "", "ON", "0", "1")),
			"animation: no such entry"},
		{EXT(NEAR, "{\"type\":3,\"animation\":0,\"animationControl\":\"GO\"}",
			 HOW("0", "", "ON", "0", "1")),
			"animationControl"},
		{EXT(NEAR, "{\"type\":4,\"media\":1,\"mediaControl\":0}",
			 HOW("0", "", "ON", "0", "1")),
			"media: no such entry"},
		{EXT(NEAR,
			 "{\"type\":1,\"nodes\":[0],\"transform\":[2,0,0,0,0,2,0,0,0,0,2,0,0,0,0,"
			 "1]}",
			 HOW("0", "", "ON", "0", "1")),
			"want a rotation and a translation"},
		{EXT(NEAR,
			 "{\"type\":1,\"nodes\":[0],\"transform\":[-1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,"
			 "1]}",
			 HOW("0", "", "ON", "0", "1")),
			"transform: "},
		{EXT(NEAR, "{\"type\":1,\"nodes\":[0],\"transform\":[1]}",
			 HOW("0", "", "ON", "0", "1")),
			"16 numbers"},
		{EXT(NEAR, LIT, HOW("1", "", "ON", "0", "1")), "triggers: entry 0: no such index"},
		{EXT(NEAR, LIT, HOW("0", "", "ON", "3", "1")), "actions: entry 0"},
		{EXT(NEAR, LIT, HOW("0", "#0&", "ON", "0", "1")), "triggersCombinationControl"},
		{EXT(NEAR, LIT, HOW("0", "(#0", "ON", "0", "1")), "triggersCombinationControl"},
		{EXT(NEAR, LIT, HOW("0", "#1", "ON", "0", "1")), "triggersCombinationControl"},
		{EXT(NEAR, LIT, HOW("0", "#99999999999999999999", "ON", "0", "1")),
			"triggersCombinationControl"},
		{EXT(NEAR, LIT,
			 HOW("0", "((((((((((((((((((((((((((((#0))))))))))))))))))))))))))))",
				 "ON", "0", "1")),
			"triggersCombinationControl"},
		{EXT(NEAR, LIT, HOW("0", "", "SOMETIMES", "0", "1")), "triggersActivationControl"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		json_t *doc = document(all[i].ext);
		struct interact *in = NULL;
		struct ar_buf why;

		ar_buf_init(&why, 1024);
		assert_int_equal(interact_read(&in, doc, &why), -EINVAL);
		ar_buf_add(&why, "", 1);
		if (!strstr(why.p, all[i].why))
			fail_msg("%zu: %s", i, why.p);
		assert_null(in);
		ar_buf_free(&why);
		json_decref(doc);
	}
}

static void combinations(void **state)
{
	static const struct {
		const char *text;
		uint8_t truth; /* of #0 #1 #2, as bits of the eight cases */
	} all[] = {{"#0", 0xaa}, {"~#0", 0x55}, {"#0&#1", 0x88}, {"#0|#1", 0xee},
		{"#0|#1&#2", 0xea}, {"(#0|#1)&#2", 0xe0}, {"~(#0|#1)", 0x11}, {"~~#2", 0xf0},
		{" #0 & ~ #1 | ( #1 & #2 ) ", 0xe2}, {"", 0x80}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char ext[2048];
		struct interact *in;
		struct ar_buf why;
		json_t *doc;

		snprintf(ext, sizeof(ext),
			EXT(NEAR "," TAP "," GRIP, LIT,
				"{\"triggers\":[0,1,2],\"actions\":[0],"
				"\"triggersCombinationControl\":\"%s\","
				"\"triggersActivationControl\":2,\"actionsControl\":1,"
				"\"priority\":1}"),
			all[i].text);
		doc = document(ext);
		ar_buf_init(&why, 1024);
		if (interact_read(&in, doc, &why) != 0)
			fail_msg("%s: %.*s", all[i].text, (int)why.n, why.p);
		for (unsigned on = 0; on < 8; on++) {
			if (interact_holds(&in->behavior[0], on) != (all[i].truth >> on & 1))
				fail_msg("%s with %u", all[i].text, on);
		}
		free(in);
		ar_buf_free(&why);
		json_decref(doc);
	}
}

/* ---- in a call ---- */

static void start(const char *name, const char *ext)
{
	char text[8192], *body;
	struct ar_buf why;
	json_t *doc;

	rig_start(&r, NULL);
	ar_buf_init(&why, 1024);
	snprintf(text, sizeof(text), base, ext ? ext : "");
	if (ext && library_add(&r.scenes, name, ar_span_str(text), &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	ar_buf_free(&why);
	body = rig_body(2);
	doc = json_loads(body, 0, NULL);
	free(body);
	json_object_set_new(json_object_get(doc, "x-ims-ar"), "scene", json_string(name));
	body = json_dumps(doc, 0);
	assert_int_equal(rig_post(&r, body, NULL), 201);
	free(body);
	json_decref(doc);
	a = (struct ue){.peer = fake_peer(0)};
	b = (struct ue){.peer = fake_peer(1)};
	fake_connect(a.peer);
	fake_connect(b.peer);
	ue_pose(&a, 1, 0, 0, 9);
	ue_pose(&b, 1, 0, 0, 9);
	rig_pass(&r, 200 * MS);
}

static void stop(void)
{
	rig_pass(&r, 1000 * MS); /* its own pose comes back seldom */
	ue_read(&r, &a, 0);
	ue_read(&r, &b, 0);
	assert_int_equal(a.lost + b.lost, 0);
	ue_assert_same(&r, &a);
	ue_assert_same(&r, &b);
	ue_free(&a);
	ue_free(&b);
	rig_stop(&r);
}

static double t = 10;
static void go(struct ue *u, double x, double y, double z)
{
	ue_pose(u, t += 0.1, x, y, z);
	rig_pass(&r, 100 * MS);
}

static json_int_t at(const char *pointer)
{
	json_t *doc = rig_scene(&r), *v = json_pointer_get(doc, pointer);
	json_int_t n = json_is_boolean(v) ? json_is_true(v) : v ? json_integer_value(v) : -1;

	json_decref(doc);
	return n;
}

static json_int_t counter(const char *name)
{
	return rig_counter(&r, name);
}

static bool shown(unsigned node)
{
	json_t *doc = rig_scene(&r), *v;
	bool yes = false;
	size_t i;

	json_array_foreach(json_pointer_get(doc, "/scenes/0/nodes"), i, v) yes |=
		json_integer_value(v) == (json_int_t)node;
	json_decref(doc);
	return yes;
}

#define LAMP "/meshes/0/primitives/0/material"

static void tap(struct ue *u, const char *name, const char *target, bool ok)
{
	static unsigned id;
	char text[200];
	json_t *ack;

	snprintf(text, sizeof(text), "{\"id\":\"i%u\",\"name\":\"%s\",\"target\":\"%s\"}", id++,
		name, target);
	ack = ue_act(u, text);
	assert_non_null(ack);
	if (json_is_true(json_pointer_get(ack, "/ack/ok")) != ok)
		fail_msg("%s", json_dumps(ack, 0));
	json_decref(ack);
}

/* Coming near begins it, everybody's leaving ends it. */
static void proximity(void **state)
{
	(void)state;
	start("x", EXT(NEAR, LIT "," DARK,
			   HOW("0", "#0", "EACH_ENTER", "0", "1") "," HOW(
				   "0", "#0", "EACH_EXIT", "1", "1")));
	assert_int_equal(at(LAMP), 0);
	go(&a, 0, 0, 0.9);
	assert_int_equal(at(LAMP), 1);
	go(&b, 0, 0, 0.5);
	go(&a, 0, 0, 4);
	assert_int_equal(at(LAMP), 1);
	go(&b, 0, 0, 1.1);
	assert_int_equal(at(LAMP), 0);
	go(&b, 0, 0, 1);
	assert_int_equal(at(LAMP), 1);
	/* who leaves is not near either */
	fake_state(b.peer, PEER_CLOSED, "gone");
	rig_pass(&r, 200 * MS);
	assert_int_equal(at(LAMP), 0);
	b.peer = a.peer;
	assert_int_equal(counter("behaviors"), 4);
	ue_free(&b);
	ue_free(&a);
	rig_stop(&r);
}

static void once_only(void **state)
{
	(void)state;
	start("x", EXT(NEAR, LIT "," DARK,
			   HOW("0", "", "FIRST_ENTER", "0", "1") "," HOW(
				   "0", "", "FIRST_EXIT", "1", "1")));
	go(&a, 0, 0, 0);
	assert_int_equal(at(LAMP), 1);
	go(&a, 0, 0, 5);
	assert_int_equal(at(LAMP), 0);
	go(&a, 0, 0, 0);
	assert_int_equal(at(LAMP), 0);
	stop();
}

/* While it holds; what is so already is not sent again. */
static void on_and_off(void **state)
{
	unsigned before;

	(void)state;
	start("x", EXT(NEAR, LIT "," DARK,
			   HOW("0", "", "ON", "0", "1") "," HOW("0", "", "OFF", "1", "1")));
	go(&a, 0, 0, 0.1);
	assert_int_equal(at(LAMP), 1);
	assert_int_equal(counter("behaviorActions"), 1);
	before = (unsigned)counter("behaviors");
	for (unsigned i = 0; i < 10; i++)
		go(&a, 0, 0, 0.1 + i * 0.01);
	assert_in_range(counter("behaviors") - before, 9, 21);
	assert_int_equal(counter("behaviorActions"), 1);
	go(&a, 0, 0, 2);
	assert_int_equal(at(LAMP), 0);
	stop();
}

/* An input has its effect at the revision that its acknowledgement names. */
static void user_input(void **state)
{
	json_t *ack;

	(void)state;
	start("x", EXT(TAP "," GRIP, LIT "," DARK,
			   HOW("0", "", "EACH_ENTER", "0", "1") "," HOW(
				   "1", "", "EACH_ENTER", "1", "1")));
	tap(&a, "tap", "lamp", true);
	assert_int_equal(at(LAMP), 1);
	ack = ue_act(&b, "{\"id\":1,\"name\":\"input\",\"input\":\"/user/hand/left/grip\"}");
	assert_true(json_is_true(json_pointer_get(ack, "/ack/ok")));
	assert_int_equal(
		json_integer_value(json_pointer_get(ack, "/ack/rev")), at("/scenes/0/extras/rev"));
	json_decref(ack);
	assert_int_equal(at(LAMP), 0);
	/* every time, but an id once */
	tap(&b, "tap", "lamp", true);
	assert_int_equal(at(LAMP), 1);
	ack = ue_act(&b, "{\"id\":1,\"name\":\"input\",\"input\":\"/user/hand/left/grip\"}");
	json_decref(ack);
	assert_int_equal(at(LAMP), 1);
	/* nobody's trigger */
	tap(&b, "tap", "none", false);
	tap(&b, "wave", "lamp", false);
	ack = ue_act(&b, "{\"id\":2,\"name\":\"input\",\"input\":\"/user/hand/right/grip\"}");
	assert_true(json_is_false(json_pointer_get(ack, "/ack/ok")));
	json_decref(ack);
	assert_int_equal(at(LAMP), 1);
	stop();
}

/* Participants look along -Z; the lamp is at the origin. */
static void visibility(void **state)
{
	(void)state;
	start("x", EXT("{\"type\":\"TRIGGER_VISIBILITY\",\"nodes\":[0]}", LIT "," DARK,
			   HOW("0", "", "EACH_ENTER", "0", "1") "," HOW(
				   "0", "", "EACH_EXIT", "1", "1")));
	assert_int_equal(at(LAMP), 1);
	go(&a, 0, 0, -3);
	assert_int_equal(at(LAMP), 1);
	go(&b, 9, 0, -1);
	assert_int_equal(at(LAMP), 0);
	go(&b, 1, 0, 2);
	assert_int_equal(at(LAMP), 1);
	stop();
}

static void shows_moves_plays(void **state)
{
	json_t *doc;

	(void)state;
	start("x", EXT(TAP "," GRIP,
			   "{\"type\":\"ACTION_ACTIVATE\",\"activationStatus\":\"DISABLED \","
			   "\"nodes\":[1]},{\"type\":0,\"activationStatus\":0,\"nodes\":[1]},"
			   "{\"type\":\"ACTION_TRANSFORM\",\"nodes\":[1,5],\"transform\":"
			   "[0,0,-1,0,0,1,0,0,1,0,0,0,1,2,3,1]},"
			   "{\"type\":\"ACTION_ANIMATION\",\"animation\":0,\"animationControl\":"
			   "\"ANIMATION_PLAY\"},{\"type\":\"ACTION_MEDIA\",\"media\":0,"
			   "\"mediaControl\":\"MEDIA_STOP\"},{\"type\":\"ACTION_SET_HAPTIC\","
			   "\"nodes\":[0]}",
			   HOW("0", "", "EACH_ENTER", "0,2,3,4,5", "1") "," HOW(
				   "1", "", "EACH_ENTER", "1", "1")));
	tap(&b, "grab", "thing", false);
	doc = ue_act(&b, "{\"id\":\"g\",\"name\":\"move\",\"target\":\"thing\",\"phase\":"
			 "\"grab\"}");
	json_decref(doc);
	tap(&a, "tap", "lamp", true);
	assert_false(shown(1));
	doc = rig_scene(&r);
	/* a quarter turn about Y; what b holds stays */
	assert_float_equal(
		json_number_value(json_pointer_get(doc, "/nodes/1/translation/2")), 3, 1e-6);
	assert_float_equal(
		json_number_value(json_pointer_get(doc, "/nodes/1/rotation/1")), 0.7071068, 1e-6);
	assert_float_equal(
		json_number_value(json_pointer_get(doc, "/nodes/1/rotation/3")), 0.7071068, 1e-6);
	assert_float_equal(
		json_number_value(json_pointer_get(doc, "/nodes/5/translation/2")), 0, 1e-6);
	assert_true(json_is_true(json_pointer_get(doc, "/animations/0/extras/playing")));
	assert_true(json_is_false(
		json_pointer_get(doc, "/extensions/MPEG_media/media/0/extras/playing")));
	json_decref(doc);
	doc = ue_act(&b, "{\"id\":1,\"name\":\"input\",\"input\":\"/user/hand/left/grip\"}");
	json_decref(doc);
	assert_true(shown(1));
	stop();
}

static void delays(void **state)
{
	(void)state;
	start("x", EXT(TAP,
			   "{\"type\":6,\"material\":1,\"nodes\":[0],\"delay\":0.5},"
			   "{\"type\":6,\"material\":0,\"nodes\":[0],\"delay\":1}",
			   HOW("0", "", "EACH_ENTER", "0,1", "1")));
	tap(&a, "tap", "lamp", true);
	rig_pass(&r, 450 * MS);
	assert_int_equal(at(LAMP), 0);
	/* it goes on: not begun twice */
	tap(&a, "tap", "lamp", true);
	assert_int_equal(counter("behaviors"), 1);
	rig_pass(&r, 100 * MS);
	assert_int_equal(at(LAMP), 1);
	rig_pass(&r, 900 * MS);
	assert_int_equal(at(LAMP), 1);
	rig_pass(&r, 100 * MS);
	assert_int_equal(at(LAMP), 0);
	stop();
}

/* Two that would act upon one node: the weightier one does. */
static void priority(void **state)
{
	(void)state;
	start("x", EXT(TAP, LIT "," DARK ",{\"type\":0,\"activationStatus\":1,\"nodes\":[1]}",
			   HOW("0", "", "EACH_ENTER", "1", "1") "," HOW("0", "", "EACH_ENTER", "0",
				   "2") "," HOW("0", "", "EACH_ENTER", "2", "0")));
	tap(&a, "tap", "lamp", true);
	assert_int_equal(at(LAMP), 1);
	assert_int_equal(counter("behaviors"), 2);
	assert_false(shown(1));
	stop();
}

/* What an application forbids sets nothing off. */
static void forbidden(void **state)
{
	char *body = rig_body(2);
	json_t *doc = json_loads(body, 0, NULL);

	(void)state;
	free(body);
	rig_start(&r, NULL);
	json_object_update_new(json_object_get(doc, "x-ims-ar"),
		json_pack("{s:s, s:s}", "scene", "tabletop", "application", "presenter"));
	body = json_dumps(doc, 0);
	json_decref(doc);
	assert_int_equal(rig_post(&r, body, NULL), 201);
	free(body);
	a = (struct ue){.peer = fake_peer(0)};
	b = (struct ue){.peer = fake_peer(1)};
	fake_connect(a.peer);
	fake_connect(b.peer);
	rig_pass(&r, 200 * MS);
	fake_deliver(
		b.peer, META, "{\"action\":{\"id\":1,\"name\":\"tap\",\"target\":\"big gear\"}}");
	rig_pass(&r, 200 * MS);
	assert_int_equal(at("/animations/0/extras/playing"), 0);
	fake_deliver(
		a.peer, META, "{\"action\":{\"id\":1,\"name\":\"tap\",\"target\":\"big gear\"}}");
	rig_pass(&r, 200 * MS);
	assert_int_equal(at("/animations/0/extras/playing"), 1);
	stop();
}

/* The scene that is shipped: near or tapped, the gears run; nobody near, they rest. */
static void tabletop(void **state)
{
	(void)state;
	start("tabletop", NULL);
	assert_int_equal(at("/animations/0/extras/playing"), 0);
	tap(&a, "tap", "small gear", true);
	assert_int_equal(at("/animations/0/extras/playing"), 1);
	assert_int_equal(at("/animations/1/extras/playing"), 1);
	go(&b, 0, 1.2, 0.8);
	go(&b, 0, 1.2, 3);
	assert_int_equal(at("/animations/0/extras/playing"), 0);
	go(&b, 0, 1.2, 0.8);
	assert_int_equal(at("/animations/1/extras/playing"), 1);
	stop();
}

/* The most that a scene may ask for, everybody moving all the time. */
static void bounded(void **state)
{
	static char ext[60000];
	size_t n = 0;
	unsigned evaluations;

	(void)state;
	n += (size_t)snprintf(ext, sizeof(ext),
		",\"extensions\":{\"MPEG_scene_interactivity\":"
		"{\"triggers\":[");
	for (unsigned i = 0; i < 8; i++)
		n += (size_t)snprintf(ext + n, sizeof(ext) - n,
			"%s{\"type\":3,\"nodes\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", i ? "," : "");
	snprintf(ext + n, sizeof(ext) - n,
		"],\"actions\":[" LIT "," DARK
		"],\"behaviors\":[" HOW("0,7", "#0&#7", "ON", "0", "1") "]}}");
	start("x", ext);
	evaluations = (unsigned)counter("behaviors");
	for (unsigned i = 0; i < 1000; i++) {
		ue_pose(&a, 100 + i * 0.001, i * 0.001, 0, 9);
		rig_pass(&r, MS);
	}
	assert_in_range(counter("behaviors") - evaluations, 15, 21);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(combinations),
		cmocka_unit_test(proximity),
		cmocka_unit_test(once_only),
		cmocka_unit_test(on_and_off),
		cmocka_unit_test(user_input),
		cmocka_unit_test(visibility),
		cmocka_unit_test(shows_moves_plays),
		cmocka_unit_test(delays),
		cmocka_unit_test(priority),
		cmocka_unit_test(forbidden),
		cmocka_unit_test(tabletop),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
