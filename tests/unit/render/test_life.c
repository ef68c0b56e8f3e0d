/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Platforms, limits, reloads, spare views, threads, and that nothing grows. */
#include "tests/unit/render/rig.h"
#include "tests/unit/render/shapes.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* ---------------------------------------------------------------- platforms */

static void platforms(void **state)
{
	enum render_platform p;
	struct render_conf conf = {.platform = RENDER_DEVICE, .device = 31};
	struct render *r = NULL;
	struct ar_buf why;

	(void)state;
	assert_int_equal(render_platform_parse("auto", &p), 0);
	assert_int_equal(p, RENDER_AUTO);
	assert_int_equal(render_platform_parse("gpu", &p), -EINVAL);
	ar_buf_init(&why, 4096);
	assert_int_equal(render_new(&r, &conf, &why), -ENODEV);
	assert_null(r);
	assert_int_equal(ar_buf_add(&why, "", 1), 0);
	assert_non_null(strstr(why.p, "no device 31"));
	ar_buf_reset(&why);
	/* with a GPU or without, auto draws */
	conf.platform = RENDER_AUTO;
	assert_int_equal(render_new(&r, &conf, &why), 0);
	assert_true(strlen(render_get_info(r)->renderer) > 5);
	assert_int_equal(why.n, 0);
	assert_string_equal(getenv("LP_NUM_THREADS"), "0");
	render_free(r);
	ar_buf_free(&why);
}

static void cache_directory_is_used(void **state)
{
	struct render_conf conf = {.cache_dir = "/tmp/render-cache-test"};
	struct render *r;

	(void)state;
	assert_int_equal(render_new(&r, &conf, NULL), 0);
	assert_string_equal(getenv("MESA_SHADER_CACHE_DIR"), conf.cache_dir);
	assert_null(getenv("MESA_SHADER_CACHE_DISABLE"));
	render_free(r);
	conf.cache_dir = NULL;
	assert_int_equal(render_new(&r, &conf, NULL), 0);
	assert_string_equal(getenv("MESA_SHADER_CACHE_DISABLE"), "true");
	render_free(r);
}

/* ---------------------------------------------------------------- limits */

struct small {
	struct render *render;
	struct rig_scene s;
	char *text;
};

static void open_small(struct small *m, const struct render_conf *conf, const struct shapes *sh)
{
	struct model_source source;

	memset(m, 0, sizeof(*m));
	m->text = shapes_gltf(sh);
	source = (struct model_source){.bytes = {m->text, strlen(m->text)}};
	assert_int_equal(render_new(&m->render, conf, NULL), 0);
	assert_int_equal(model_load(&m->s.model, &source, NULL), 0);
	assert_int_equal(stage_new(&m->s.stage, m->s.model), 0);
	stage_evaluate(m->s.stage);
	assert_int_equal(render_view_new(&m->s.view, m->render, NULL), 0);
}

static void close_small(struct small *m)
{
	rig_close(&m->s);
	render_free(m->render);
	free(m->text);
}

/* Three cubes of 12 triangles, room for two: the one furthest away is left out. */
static void over_budget_the_smallest_goes(void **state)
{
	const struct render_conf conf = {.max_triangles = 30};
	const struct shapes sh = {1, SHAPES_UNLIT("0,0,0,1"),
		"{\"mesh\":0,\"translation\":[-2,0,-9]},{\"mesh\":0},"
		"{\"mesh\":0,\"translation\":[1.5,0,0]}",
		3, NULL};
	struct render_camera c = rig_look((float[]){0, 0, 5}, (float[]){0, 0, 0}, 0.9f);
	struct render_totals t;
	struct render_stats st;
	struct rig_frame f;
	struct small m;

	(void)state;
	open_small(&m, &conf, &sh);
	assert_int_equal(render_view_load(m.s.view, m.s.model, NULL), 0);
	rig_new_frame(&f, 320, 180);
	st = rig_draw(&m.s, &f, &c);
	assert_int_equal(st.nodes, 2);
	assert_int_equal(st.nodes_left_out, 1);
	assert_int_equal(st.triangles, 24);
	assert_true(rig_drawn(&f).x0 > 100); /* nothing on the left */
	render_view_get_totals(m.s.view, &t);
	assert_int_equal(t.over_budget, 1);
	/* what leaves the picture makes room */
	assert_int_equal(stage_set_visible(m.s.stage, 2, false), 0);
	stage_evaluate(m.s.stage);
	st = rig_draw(&m.s, &f, &c);
	assert_int_equal(st.nodes, 2);
	assert_int_equal(st.nodes_left_out, 0);
	rig_free_frame(&f);
	close_small(&m);
}

/* A hundred squares behind one another that fill the picture:
 * few triangles, but too many pixels. Some are left out, the time of a frame has a bound. */
static void pixels_have_a_budget(void **state)
{
	struct ar_buf nodes;
	struct shapes sh = {1,
		"{\"alphaMode\":\"BLEND\",\"pbrMetallicRoughness\":{\"baseColorFactor\":[1,1,1,0.1]"
		"}}",
		NULL, 100, NULL};
	struct render_camera c = rig_look((float[]){0, 0, 2}, (float[]){0, 0, 0}, 0.9f);
	struct render_stats st;
	struct rig_scene s;
	struct rig_frame f;
	char *text;

	(void)state;
	if (render_get_info(rig_render())->hardware)
		skip(); /* there it is a larger one */
	ar_buf_init(&nodes, 1 << 20);
	for (int i = 0; i < 100; i++)
		ar_buf_printf(&nodes, "%s{\"mesh\":1,\"scale\":[9,9,1],\"translation\":[0,0,%.3f]}",
			i ? "," : "", -0.001 * i);
	assert_int_equal(ar_buf_add(&nodes, "", 1), 0);
	sh.nodes = nodes.p;
	text = shapes_gltf(&sh);
	rig_open_text(&s, text);
	rig_new_frame(&f, 160, 90);
	st = rig_draw(&s, &f, &c);
	assert_int_equal(st.nodes, 40);
	assert_int_equal(st.nodes_left_out, 60);
	assert_int_equal(st.triangles, 80);
	/* further away they are small, and all are there */
	c = rig_look((float[]){0, 0, 60}, (float[]){0, 0, 0}, 0.9f);
	st = rig_draw(&s, &f, &c);
	assert_int_equal(st.nodes, 100);
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
	ar_buf_free(&nodes);
}

static void too_much_is_refused(void **state)
{
	struct render_conf conf = {.max_triangles = 5, .max_scene_triangles = 11};
	const struct shapes sh = {1, SHAPES_UNLIT_IMAGE("0"), "{\"mesh\":0}", 1, SHAPES_IMAGES};
	struct render_options o = {.own = -1};
	struct render_camera c = rig_look((float[]){0, 0, 5}, (float[]){0, 0, 0}, 0.9f);
	struct render_stats st;
	struct rig_frame f;
	struct small m;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	open_small(&m, &conf, &sh);
	assert_int_equal(render_view_load(m.s.view, m.s.model, &why), -EFBIG);
	assert_int_equal(ar_buf_add(&why, "", 1), 0);
	assert_non_null(strstr(why.p, "triangles"));
	assert_non_null(strstr(why.p, "at most 11"));
	/* and the view says so when used, without harm */
	rig_new_frame(&f, 64, 64);
	assert_int_equal(render_view_overlay(m.s.view, &f.f, m.s.stage, &c, &o, &st), -EINVAL);
	rig_free_frame(&f);
	close_small(&m);
	ar_buf_reset(&why);
	conf = (struct render_conf){.max_texture_bytes = 1000};
	open_small(&m, &conf, &sh);
	assert_int_equal(render_view_load(m.s.view, m.s.model, &why), -EFBIG);
	assert_int_equal(ar_buf_add(&why, "", 1), 0);
	assert_non_null(strstr(why.p, "textures"));
	close_small(&m);
	ar_buf_free(&why);
}

/* ---------------------------------------------------------------- reload */

static struct model *load_text(const char *text, const struct model *prev)
{
	const struct model_source source = {
		.bytes = {text, strlen(text)}, .prev = prev, .hash_key = {1, 2}};
	struct model *m;

	assert_int_equal(model_load(&m, &source, NULL), 0);
	return m;
}

static void same_content_stays(void **state)
{
	const struct shapes a = {1, SHAPES_UNLIT_IMAGE("0"), "{\"mesh\":0}", 1, SHAPES_IMAGES};
	const struct shapes b = {1, SHAPES_UNLIT_IMAGE("4"),
		"{\"mesh\":0,\"translation\":[1,0,0]},{\"mesh\":1}", 2, SHAPES_IMAGES};
	char *ta = shapes_gltf(&a), *tb = shapes_gltf(&b);
	struct rig_scene s;
	struct rig_frame f, g;
	struct model *m;
	struct render_totals t1, t2;
	struct render_camera c = rig_look((float[]){0, 0, 3}, (float[]){0, 0, 0}, 0.9f);

	(void)state;
	rig_open_text(&s, ta);
	rig_new_frame(&f, 320, 180);
	rig_new_frame(&g, 320, 180);
	rig_draw(&s, &f, &c);
	render_view_get_totals(s.view, &t1);
	assert_int_equal(t1.kept, 0);
	/* the next document: the same meshes, another picture */
	m = load_text(tb, s.model);
	assert_int_equal(render_view_load(s.view, m, NULL), 0);
	render_view_get_totals(s.view, &t2);
	assert_true(t2.kept >= 2); /* cube and square */
	assert_int_equal(t2.uploads - t1.uploads, 1);
	/* and back: what comes is drawn, not what was kept by mistake */
	model_unref(m);
	assert_int_equal(render_view_load(s.view, s.model, NULL), 0);
	rig_draw(&s, &g, &c);
	assert_true(rig_same(&f, &g));
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	free(ta);
	free(tb);
}

/* ---------------------------------------------------------------- spare views */

static void spare_views_come_back_clean(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	const struct model_source source = {.bytes = {text, strlen(text)}};
	struct render_view *a, *b, *c;
	struct render_totals t;
	struct render *r;
	struct model *m;

	(void)state;
	assert_int_equal(render_new(&r, &(struct render_conf){0}, NULL), 0);
	assert_int_equal(render_prewarm(r, 1, NULL), 0);
	assert_int_equal(render_view_new(&a, r, NULL), 0);
	assert_int_equal(render_view_new(&b, r, NULL), 0);
	assert_int_equal(model_load(&m, &source, NULL), 0);
	assert_int_equal(render_view_load(a, m, NULL), 0);
	render_view_free(a);
	render_view_free(b); /* one too many: gone */
	assert_int_equal(render_view_new(&c, r, NULL), 0);
	assert_ptr_equal(a, c);
	render_view_get_totals(c, &t);
	assert_int_equal(t.frames, 0);
	assert_int_equal(t.gpu_bytes, 0);
	render_view_free(c);
	model_unref(m);
	render_free(r);
	free(text);
}

/* The first frame of a warmed view does not wait for the compiler. */
static void warm_is_quick(void **state)
{
	char *text = shapes_cube("{" SHAPES_METAL "}");
	struct render_camera c = rig_look((float[]){1, 1, 3}, (float[]){0, 0, 0}, 0.9f);
	uint32_t took[2];
	struct render *r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rig_scene s = {0};
		struct rig_frame f;

		assert_int_equal(render_new(&r, &(struct render_conf){0}, NULL), 0);
		assert_int_equal(render_prewarm(r, (unsigned)i, NULL), 0);
		s.model = load_text(text, NULL);
		assert_int_equal(stage_new(&s.stage, s.model), 0);
		stage_evaluate(s.stage);
		assert_int_equal(render_view_new(&s.view, r, NULL), 0);
		assert_int_equal(render_view_load(s.view, s.model, NULL), 0);
		rig_new_frame(&f, 320, 180);
		took[i] = rig_draw(&s, &f, &c).cpu_us;
		rig_free_frame(&f);
		rig_close(&s);
		render_free(r);
	}
	printf("first frame: %u us cold, %u us warm\n", took[0], took[1]);
	assert_true(took[1] * 3 < took[0]);
	free(text);
}

/* After a rehearsal nothing is compiled when a node comes into view. */
static void rehearsed_is_quick(void **state)
{
	const struct shapes sh = {2,
		"{\"doubleSided\":true,\"emissiveFactor\":[1,0,1]," SHAPES_METAL "},"
		"{\"normalTexture\":{\"index\":2}," SHAPES_METAL "}",
		"{\"mesh\":0},{\"mesh\":2,\"translation\":[50,0,0]}", 2, SHAPES_IMAGES};
	char *text = shapes_gltf(&sh);
	struct render_camera c = rig_look((float[]){49, 1, 3}, (float[]){50, 0, 0}, 0.9f);
	struct render_totals t;
	struct rig_frame f;
	uint32_t took[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rig_scene s;

		rig_open_text(&s, text);
		if (i)
			assert_int_equal(render_view_rehearse(s.view, s.stage), 0);
		render_view_get_totals(s.view, &t);
		assert_int_equal(t.frames, 0);
		rig_new_frame(&f, 320, 180);
		took[i] = rig_draw(&s, &f, &c).cpu_us;
		assert_true(rig_drawn(&f).count > 1000);
		rig_free_frame(&f);
		rig_close(&s);
	}
	printf("first sight: %u us, rehearsed %u us\n", took[0], took[1]);
	assert_true(took[1] * 3 < took[0]);
	free(text);
}

/* ---------------------------------------------------------------- threads */

#define THREAD_FRAMES 60

struct job {
	int n;
	const char *text;
	int wrong;
};

static void *draw_many(void *arg)
{
	struct job *j = arg;
	struct rig_scene s;
	struct rig_frame f, first;
	struct render_camera c;

	rig_open_text(&s, j->text);
	rig_new_frame(&f, 320, 180);
	rig_new_frame(&first, 320, 180);
	for (int i = 0; i < THREAD_FRAMES; i++) {
		float off = 0.3f * (float)(i % 3) + 0.2f * (float)j->n;

		c = rig_look((float[]){1 + off, 1, 3}, (float[]){off, 0, 0}, 0.9f);
		rig_fill_frame(&f);
		j->wrong += rig_draw(&s, &f, &c).triangles != 12;
		if (i == 0)
			rig_draw(&s, &first, &c);
		if (i % 3 == 0)
			j->wrong += !rig_same(&f, &first);
		if (i % 20 == 10)
			j->wrong += render_view_load(s.view, s.model, NULL) != 0;
	}
	rig_free_frame(&f);
	rig_free_frame(&first);
	rig_close(&s);
	return NULL;
}

static void threads_do_not_meet(void **state)
{
	char *text[2] = {shapes_cube(SHAPES_MATTE), shapes_cube(SHAPES_MAGENTA)};
	struct job job[4];
	pthread_t t[4];

	(void)state;
	rig_render(); /* made by one */
	for (int i = 0; i < 4; i++) {
		job[i] = (struct job){i, text[i % 2], 0};
		assert_int_equal(pthread_create(&t[i], NULL, draw_many, &job[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(job[i].wrong, 0);
	}
	free(text[0]);
	free(text[1]);
}

/* A view made here, drawn with there, freed here. */
struct moved {
	struct rig_scene *s;
	struct rig_frame *f;
	int rc;
};

static void *draw_elsewhere(void *arg)
{
	struct moved *m = arg;
	const struct render_options o = {.own = -1};
	struct render_camera c = rig_look((float[]){0, 0, 3}, (float[]){0, 0, 0}, 0.9f);
	struct render_stats st;

	m->rc = render_view_overlay(m->s->view, &m->f->f, m->s->stage, &c, &o, &st);
	return NULL;
}

static void views_move_between_threads(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	struct rig_scene s;
	struct rig_frame f;
	struct moved m = {&s, &f, -1};
	pthread_t t;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 64, 64);
	draw_elsewhere(&m);
	assert_int_equal(m.rc, 0);
	assert_int_equal(render_view_load(s.view, s.model, NULL), 0); /* no cache */
	assert_int_equal(pthread_create(&t, NULL, draw_elsewhere, &m), 0);
	pthread_join(t, NULL);
	assert_int_equal(m.rc, 0);
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
}

/* ---------------------------------------------------------------- growth */

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void one_life(const char *text, const char *other)
{
	struct render_camera c = rig_look((float[]){1, 1, 3}, (float[]){0, 0, 0}, 0.9f);
	struct rig_scene s;
	struct rig_frame f;
	struct model *m;

	rig_open_text(&s, text);
	rig_new_frame(&f, 320, 180);
	rig_draw(&s, &f, &c);
	m = load_text(other, s.model);
	assert_int_equal(render_view_load(s.view, m, NULL), 0);
	model_unref(m);
	rig_free_frame(&f);
	rig_close(&s);
}

/* RENDER_CYCLES in the environment: how many; 1000 were run by hand. */
static void nothing_grows(void **state)
{
	const struct shapes a = {1, SHAPES_UNLIT_IMAGE("0"), "{\"mesh\":0}", 1, SHAPES_IMAGES};
	char *ta = shapes_gltf(&a), *tb = shapes_cube(SHAPES_MATTE);
	int cycles = getenv("RENDER_CYCLES") ? atoi(getenv("RENDER_CYCLES")) : 40;
	long before, after;

	(void)state;
	for (int i = 0; i < cycles / 2; i++)
		one_life(ta, tb);
	before = resident_kib();
	for (int i = 0; i < cycles; i++)
		one_life(ta, tb);
	after = resident_kib();
	printf("%d lives: %ld KiB resident before, %ld after\n", cycles, before, after);
#if !defined(__SANITIZE_ADDRESS__)
	assert_true(after - before < 4096 + 8 * cycles);
#endif
	free(ta);
	free(tb);
}

static int end(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(platforms),
		cmocka_unit_test(cache_directory_is_used),
		cmocka_unit_test(over_budget_the_smallest_goes),
		cmocka_unit_test(pixels_have_a_budget),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(same_content_stays),
		cmocka_unit_test(spare_views_come_back_clean),
		cmocka_unit_test(warm_is_quick),
		cmocka_unit_test(rehearsed_is_quick),
		cmocka_unit_test(threads_do_not_meet),
		cmocka_unit_test(views_move_between_threads),
		cmocka_unit_test(nothing_grows),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, end);
}
