/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A second of history: nodes are where they were when the frame was taken. */
#include "mediad/armf/proc/scene.h"

#include "../common/cmocka_all.h"

#include <math.h>

#define MS 1000ull
#define T0 1000000000ull

static const char doc[] =
	"{\"asset\":{\"version\":\"2.0\"},\"scene\":0,\"scenes\":[{\"nodes\":[0,1]}],"
	"\"nodes\":[{\"name\":\"a\",\"translation\":[7,0,0]},{\"name\":\"b\"}]}";

struct rig {
	struct scene *s;
	struct stage *st;
	struct model *m;
};

static struct model *load(const char *text)
{
	struct model_source src = {.bytes = {text, strlen(text)}};
	struct model *m;

	assert_int_equal(model_load(&m, &src, NULL), 0);
	return m;
}

static void open_rig(struct rig *r)
{
	r->s = scene_new(1, T0);
	r->m = load(doc);
	scene_set_model(r->s, r->m, T0);
	assert_int_equal(stage_new(&r->st, r->m), 0);
}

static void close_rig(struct rig *r)
{
	stage_free(r->st);
	model_unref(r->m);
	scene_unref(r->s);
}

static void pose(struct rig *r, unsigned node, uint64_t at, float x, float angle)
{
	struct link_pose p = {.at = at,
		.node = node,
		.has = 3,
		.t = {x, 0, 0},
		.r = {0, sinf(angle / 2), 0, cosf(angle / 2)}};

	scene_pose(r->s, &p);
}

static float x_at(struct rig *r, uint64_t at)
{
	scene_apply(r->s, r->st, at);
	stage_evaluate(r->st);
	return stage_world(r->st, 0)[12];
}

static void assert_near(float a, float b)
{
	if (fabsf(a - b) > 1e-3f)
		fail_msg("%f is not %f", (double)a, (double)b);
}

static void test_interpolated(void **state)
{
	struct rig r;
	const float *w;

	(void)state;
	open_rig(&r);
	for (unsigned i = 0; i <= 20; i++)
		pose(&r, 0, T0 + i * 50 * MS, (float)i, (float)i * 0.1f);
	assert_near(x_at(&r, T0), 0);
	assert_near(x_at(&r, T0 + 75 * MS), 1.5f);
	assert_near(x_at(&r, T0 + 990 * MS), 19.8f);
	assert_near(x_at(&r, T0 + 5000 * MS), 20); /* no further than the newest */
	assert_near(x_at(&r, T0 + 75 * MS), 1.5f); /* and back again */
	w = stage_world(r.st, 0);
	assert_near(w[0], cosf(0.15f)); /* turned by 0.15 */
	close_rig(&r);
}

static void test_before_it_moved(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	pose(&r, 0, T0 + 500 * MS, 1, 0);
	assert_near(x_at(&r, T0 + 400 * MS), 7); /* where the document has it */
	assert_near(x_at(&r, T0 + 500 * MS), 1);
	close_rig(&r);
}

static void test_jump_is_no_movement(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	pose(&r, 0, T0, 1, 0);
	pose(&r, 0, T0 + 10000 * MS, 2, 0);
	assert_near(x_at(&r, T0 + 9990 * MS), 1);
	assert_near(x_at(&r, T0 + 10000 * MS), 2);
	close_rig(&r);
}

static void test_out_of_order(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	pose(&r, 0, T0 + 100 * MS, 1, 0);
	pose(&r, 0, T0 + 50 * MS, 99, 0); /* late: dropped */
	pose(&r, 0, T0 + 100 * MS, 3, 0); /* the same time again: corrected */
	assert_near(x_at(&r, T0 + 100 * MS), 3);
	assert_near(x_at(&r, T0 + 60 * MS), 7);
	close_rig(&r);
}

static void test_history_is_bounded(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	for (unsigned i = 0; i < 1000; i++)
		pose(&r, 0, T0 + i * 10 * MS, (float)i, 0);
	assert_near(x_at(&r, T0 + 9990 * MS), 999);
	/* what is forgotten is not the document's pose, which is older still */
	assert_near(x_at(&r, T0), 1000 - SCENE_HISTORY);
	for (unsigned i = 0; i < SCENE_TRACKS + 10; i++)
		pose(&r, i, T0 + 20000 * MS, 1, 0);
	assert_int_equal(scene_dropped(r.s), 10);
	x_at(&r, T0 + 20000 * MS); /* nodes that the document does not have */
	close_rig(&r);
}

static void test_only_what_was_told(void **state)
{
	struct link_pose p = {.at = T0, .node = 0, .has = 2, .t = {5, 5, 5}, .r = {0, 1, 0, 0}};
	struct rig r;

	(void)state;
	open_rig(&r);
	scene_pose(r.s, &p);
	assert_near(x_at(&r, T0 + MS), 7); /* turned, not moved */
	assert_near(stage_world(r.st, 0)[0], -1);
	close_rig(&r);
}

/* A document that comes later than a pose knows better; an older one does not. */
static void test_document_after_pose(void **state)
{
	struct rig r;
	struct model *m;

	(void)state;
	open_rig(&r);
	pose(&r, 0, T0 + 100 * MS, 1, 0);
	m = load("{\"asset\":{\"version\":\"2.0\"},\"scene\":0,\"scenes\":[{\"nodes\":[0,1]}],"
		 "\"nodes\":[{\"name\":\"a\",\"translation\":[4,0,0]},{\"name\":\"b\"}]}");
	scene_set_model(r.s, m, T0 + 50 * MS);
	assert_near(x_at(&r, T0 + 1000 * MS), 1);
	scene_set_model(r.s, m, T0 + 100 * MS); /* in the same microsecond */
	assert_near(x_at(&r, T0 + 1000 * MS), 1);
	scene_set_model(r.s, m, T0 + 900 * MS);
	assert_near(x_at(&r, T0 + 1000 * MS), 4);
	assert_near(x_at(&r, T0 + 800 * MS), 1);
	model_unref(m);
	close_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interpolated),
		cmocka_unit_test(test_before_it_moved),
		cmocka_unit_test(test_jump_is_no_movement),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_history_is_bounded),
		cmocka_unit_test(test_only_what_was_told),
		cmocka_unit_test(test_document_after_pose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
