/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawing skinned meshes without GL, beside GL's picture: a bar of two joints, of which one is
 * turned. */
#include "mediad/armf/render/render_int.h"
#include "tests/unit/render/rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define STEPS 6 /* of each side, from the bottom to the top */
#define VERTICES (4 * 2 * (STEPS + 1))
#define INDICES (4 * 6 * STEPS)

static struct bar {
	float position[VERTICES][3], normal[VERTICES][3], weight[VERTICES][4];
	uint16_t index[INDICES];
	uint8_t joint[VERTICES][4];
} bar;

static void add_side(int side)
{
	const float a = (float)M_PI / 2 * (float)side, out[2] = {sinf(a), cosf(a)};
	unsigned first = (unsigned)side * 2 * (STEPS + 1);
	uint16_t *to = bar.index + (size_t)side * 6 * STEPS;

	for (unsigned k = 0; k < 2 * (STEPS + 1); k++) {
		float e = k & 1 ? 0.3f : -0.3f, y = (float)(k / 2) / STEPS * 2 - 1;
		float w = fminf(fmaxf(y + 0.5f, 0), 1);
		const float p[3] = {out[0] * 0.3f + out[1] * e, y, out[1] * 0.3f - out[0] * e};
		const float n[3] = {out[0], 0, out[1]}, weight[4] = {1 - w, w};

		memcpy(bar.position[first + k], p, sizeof(p));
		memcpy(bar.normal[first + k], n, sizeof(n));
		memcpy(bar.weight[first + k], weight, sizeof(weight));
		bar.joint[first + k][1] = 1;
	}
	for (unsigned k = 0; k < STEPS; k++) {
		static const unsigned corner[6] = {0, 1, 2, 1, 3, 2};

		for (int i = 0; i < 6; i++)
			*to++ = (uint16_t)(first + 2 * k + corner[i]);
	}
}

static void base64(char *to, const uint8_t *p, size_t n)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0u);

		for (int k = 18; k >= 0; k -= 6)
			*to++ = i + (size_t)(18 - k) / 6 > n ? '=' : set[v >> k & 63];
	}
	*to = 0;
}

#define VIEW(member)                                                                               \
	"{\"buffer\":0,\"byteOffset\":%zu,\"byteLength\":%zu}", offsetof(struct bar, member),      \
		sizeof(bar.member)

static size_t add_views(char *text, size_t room)
{
	size_t n = (size_t)snprintf(text, room, VIEW(position));

	n += (size_t)snprintf(text + n, room - n, "," VIEW(normal));
	n += (size_t)snprintf(text + n, room - n, "," VIEW(weight));
	n += (size_t)snprintf(text + n, room - n, "," VIEW(index));
	n += (size_t)snprintf(text + n, room - n, "," VIEW(joint));
	return n;
}

/* turn: the second joint's, as JSON */
static const char *gltf(const char *turn, const char *material)
{
	static char text[16384], data[8192];
	size_t n;

	for (int side = 0; side < 4; side++)
		add_side(side);
	assert_true(sizeof(bar) / 3 * 4 + 8 < sizeof(data));
	base64(data, (const uint8_t *)&bar, sizeof(bar));
	n = (size_t)snprintf(text, sizeof(text),
		"{\"asset\":{\"version\":\"2.0\"},\"scene\":0,\"scenes\":[{\"nodes\":[0,1]}],"
		"\"nodes\":[{\"mesh\":0,\"skin\":0},{\"children\":[2]},{\"rotation\":%s}],"
		"\"skins\":[{\"joints\":[1,2]}],\"materials\":[%s],"
		"\"meshes\":[{\"primitives\":[{\"indices\":3,\"material\":0,\"attributes\":{"
		"\"POSITION\":0,\"NORMAL\":1,\"WEIGHTS_0\":2,\"JOINTS_0\":4}}]}],"
		"\"accessors\":[{\"bufferView\":0,\"componentType\":5126,\"count\":%d,\"type\":"
		"\"VEC3\",\"min\":[-0.3,-1,-0.3],\"max\":[0.3,1,0.3]},"
		"{\"bufferView\":1,\"componentType\":5126,\"count\":%d,\"type\":\"VEC3\"},"
		"{\"bufferView\":2,\"componentType\":5126,\"count\":%d,\"type\":\"VEC4\"},"
		"{\"bufferView\":3,\"componentType\":5123,\"count\":%d,\"type\":\"SCALAR\"},"
		"{\"bufferView\":4,\"componentType\":5121,\"count\":%d,\"type\":\"VEC4\"}],"
		"\"bufferViews\":[",
		turn, material, VERTICES, VERTICES, VERTICES, INDICES, VERTICES);
	n += add_views(text + n, sizeof(text) - n);
	n += (size_t)snprintf(text + n, sizeof(text) - n,
		"],\"buffers\":[{\"byteLength\":%zu,\"uri\":"
		"\"data:application/octet-stream;base64,%s\"}]}",
		sizeof(bar), data);
	assert_true(n < sizeof(text));
	return text;
}

/* Returns the layers drawn without GL. */
static uint64_t draw_with(const char *text, bool gl, struct rig_frame *f)
{
	const struct render_camera c =
		rig_look((float[]){0.8f, 1.2f, 3.5f}, (float[]){0, 0, 0}, 0.8f);
	struct render_totals totals;
	struct rig_scene s;

	rig_open_text(&s, text);
	s.view->rehearsing = gl;
	rig_new_frame(f, 480, 360);
	rig_fill_frame(f);
	rig_draw(&s, f, &c);
	render_view_get_totals(s.view, &totals);
	s.view->rehearsing = false;
	rig_close(&s);
	return totals.plain;
}

#define MATTE                                                                                      \
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"baseColorFactor\":[0.3,0.7,0.4,1]}}"

static void compare(const char *turn, const char *material)
{
	struct rig_frame a, b;
	unsigned far = 0, drawn = 0;
	double sum = 0;

	(void)draw_with(gltf(turn, material), true, &a);
	assert_int_equal(draw_with(gltf(turn, material), false, &b), 1);
	rig_save(&a, "skin-gl");
	rig_save(&b, "skin-own");
	for (int i = 0; i < 480 * 360; i++) {
		int d = abs(a.f.plane[0][i] - b.f.plane[0][i]);

		drawn += a.f.plane[0][i] != RIG_BACKGROUND_Y;
		far += d > 12;
		sum += d;
	}
	assert_in_range(drawn, 6000, 480 * 360);
	assert_in_range(far, 0, drawn / 100);
	assert_true(sum / drawn < 4);
	rig_free_frame(&a);
	rig_free_frame(&b);
}

static void as_it_was_bound(void **state)
{
	(void)state;
	compare("[0,0,0,1]", MATTE);
}

static void bent_and_lit(void **state)
{
	(void)state;
	compare("[0,0,0.4,0.9165]", MATTE);
	compare("[0.5,0,0,0.866]", MATTE);
}

static void bent_and_unlit(void **state)
{
	(void)state;
	compare("[0,0,-0.5,0.866]",
		"{\"extensions\":{\"KHR_materials_unlit\":{}},\"doubleSided\":true}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_was_bound),
		cmocka_unit_test(bent_and_lit),
		cmocka_unit_test(bent_and_unlit),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	rig_end();
	return rc;
}
