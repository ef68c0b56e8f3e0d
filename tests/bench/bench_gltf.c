/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ARMF's glTF: CPU time to load a mid-size model (Debian's 2CylinderEngine.glb, 75,730
 * triangles) beside Assimp, which a user would else pick; to load the next document of a scene; to
 * evaluate a frame with 1024 nodes of which all, one or none have moved, and one skinned figure.
 */
#include "tests/unit/gltf/files.h"

#include <assimp/cimport.h>
#include <assimp/postprocess.h>
#include <assimp/scene.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MODELS "/usr/share/assimp/models/glTF2/"
#define ROUNDS 9

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static double ours(const char *path, const struct model *prev)
{
	double v[ROUNDS];
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct model_source src = {.prev = prev};
		struct model *m = NULL;
		double t = cpu_ms();

		if (file_load(&m, path, &src, &why) != 0)
			exit(1);
		v[i] = cpu_ms() - t;
		model_unref(m);
	}
	ar_buf_free(&why);
	return median(v, ROUNDS);
}

/* Like for like: triangles, an index range check, nothing else. */
static double theirs(const char *path)
{
	double v[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		double t = cpu_ms();
		const struct aiScene *s =
			aiImportFile(path, aiProcess_Triangulate | aiProcess_ValidateDataStructure);

		if (!s)
			exit(1);
		v[i] = cpu_ms() - t;
		aiReleaseImport(s);
	}
	return median(v, ROUNDS);
}

static struct stage *stage_of(struct model *m)
{
	struct stage *st = NULL;

	if (!m || stage_new(&st, m) != 0)
		exit(1);
	model_unref(m);
	stage_evaluate(st);
	return st;
}

/* The default scene's cube 1024 times, in chains of eight. */
static struct model *many_nodes(void)
{
	json_t *doc = json_load_file(SRC_DIR "/webapp/scenes/default.gltf", 0, NULL),
	       *nodes = json_array();
	json_t *roots = json_array();
	struct model *m = NULL;
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	for (int i = 0; i < 1024; i++) {
		json_t *n =
			json_pack("{s:i,s:[f,f,f]}", "mesh", 2, "translation", 0.1 * i, 0.0, 0.0);

		if (i % 8 < 7)
			json_object_set_new(n, "children", json_pack("[i]", i + 1));
		if (i % 8 == 0)
			json_array_append_new(roots, json_integer(i));
		json_array_append_new(nodes, n);
	}
	json_object_set_new(doc, "nodes", nodes);
	json_object_set_new(json_array_get(json_object_get(doc, "scenes"), 0), "nodes", roots);
	if (json_load_model(&m, doc, NULL, &why) != 0)
		exit(1);
	json_decref(doc);
	ar_buf_free(&why);
	return m;
}

/* Microseconds a frame when the first n nodes move. */
static double frame(struct stage *st, unsigned n)
{
	const unsigned frames = 2000;
	double t = cpu_ms();

	for (unsigned f = 0; f < frames; f++) {
		const float a = (float)f * 0.01f, r[4] = {0, sinf(a), 0, cosf(a)}, x[3] = {a, 0, 0};

		for (unsigned i = 0; i < n; i++) {
			if (stage_set_trs(st, i, x, r, NULL) != 0)
				exit(1);
		}
		stage_evaluate(st);
	}
	return (cpu_ms() - t) * 1e3 / frames;
}

static double animated(struct stage *st)
{
	const unsigned frames = 20000;
	double t = cpu_ms();

	for (unsigned f = 0; f < frames; f++) {
		if (stage_set_clock(st, f / 30.0) != 0)
			exit(1);
		stage_evaluate(st);
	}
	return (cpu_ms() - t) * 1e3 / frames;
}

int main(void)
{
	const char *engine = MODELS "2CylinderEngine-glTF-Binary/2CylinderEngine.glb";
	const char *clear = MODELS "ClearCoat-glTF/ClearCoatTest.gltf";
	double a = ours(engine, NULL), b = theirs(engine), c, d;
	struct model *m = NULL;
	struct stage *many = stage_of(many_nodes()), *skin;
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	if (file_load(&m, clear, NULL, &why) != 0)
		return 1;
	c = ours(clear, NULL);
	d = ours(clear, m);
	model_unref(m);
	if (file_load(&m, MODELS "simple_skin/simple_skin.gltf", NULL, &why) != 0)
		return 1;
	skin = stage_of(m);
	printf("bench gltf load 75,730 triangles %.1f ms, Assimp %.1f ms (%.2f x); textured %.1f "
	       "ms, next document "
	       "of it %.1f ms; frame with 1024 nodes: all move %.0f us, one %.1f us, none %.2f us; "
	       "skinned figure "
	       "animated %.2f us\n",
		a, b, a / b, c, d, frame(many, 1024), frame(many, 1), frame(many, 0),
		animated(skin));
	stage_free(many);
	stage_free(skin);
	ar_buf_free(&why);
	return 0;
}
