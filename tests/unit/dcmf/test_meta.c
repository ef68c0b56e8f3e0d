/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The in-place reader of metadata messages, held against a JSON library. */
#include "mediad/dcmf/js.h"
#include "mediad/dcmf/meta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SEEN 40

struct seen {
	unsigned n;
	struct meta_message m[MAX_SEEN];
};

static void collect(void *arg, const struct meta_message *m)
{
	struct seen *s = arg;

	assert_true(s->n < MAX_SEEN);
	s->m[s->n++] = *m;
}

/* Scans an exact copy, so that a sanitizer sees reads past the end; spans must not be used later.
 */
static int scan(const char *text, size_t n, struct seen *s)
{
	char *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, n);
	*s = (struct seen){.n = 0};
	rc = meta_scan((struct ar_span){copy, n}, collect, s);
	free(copy);
	return rc;
}

/* ---- what a pose looks like ---- */

#define Q "\"orientation\":{\"x\":0.1,\"y\":0.2,\"z\":0.3,\"w\":0.9}"
#define P "\"position\":{\"x\":1,\"y\":2,\"z\":-3}"

static void one_pose(void **state)
{
	struct seen s;
	const char *t = "{\"poseInfo\":[{\"poseTime\":123456789.012,\"xrSpaceId\":1,\"poses\":[{" Q
			"," P ",\"confidence\":1,\"fov\":{\"angleLeft\":-1}}]}]}";

	(void)state;
	assert_int_equal(scan(t, strlen(t), &s), 0);
	assert_int_equal(s.n, 1);
	assert_true(s.m[0].has_pose && s.m[0].pose.has_time && s.m[0].pose.has_position);
	assert_true(s.m[0].pose.has_orientation);
	assert_true(s.m[0].pose.time == 123456789.012);
	assert_true(s.m[0].pose.p[2] == -3 && s.m[0].pose.q[3] == 0.9);
	assert_null(s.m[0].type.p);
}

static void shapes(void **state)
{
	static const struct {
		const char *name, *text;
		unsigned n, views;
		bool pos, ori;
		double x;
	} all[] = {
		{"3DoF", "{\"poseInfo\":[{\"poses\":[{" Q "}]}]}", 1, 1, false, true, 0},
		{"stereo: the middle",
			"{\"poseInfo\":[{\"poses\":[{" Q ",\"position\":{\"x\":1,\"y\":0,\"z\":0}},"
			"{" Q ",\"position\":{\"x\":2,\"y\":0,\"z\":0}}]}]}",
			1, 2, true, true, 1.5},
		{"a tracked object is not the viewer",
			"{\"poseInfo\":[{\"poses\":[{\"trackableSpaceId\":7," Q "," P "},"
			"{" Q ",\"position\":{\"x\":5,\"y\":0,\"z\":0}}]}]}",
			1, 1, true, true, 5},
		{"only a tracked object",
			"{\"poseInfo\":[{\"poses\":[{\"trackableSpaceId\":7," Q "}]}]}", 1, 0,
			false, false, 0},
		{"second entry when the first has none",
			"{\"poseInfo\":[{\"poses\":[]},{\"poses\":[{" Q "," P "}]}]}", 1, 1, true,
			true, 1},
		{"predictions are left out",
			"{\"poseInfo\":[{\"poses\":[{" Q "," P "}]},{\"poses\":[{" Q
			",\"position\":{\"x\":9,\"y\":9,\"z\":9}}]}]}",
			1, 1, true, true, 1},
		{"in a message",
			"{\"type\":\"t\",\"message\":{\"poseInfo\":[{\"poses\":[{" Q "," P "}]}]}}",
			1, 1, true, true, 1},
		{"envelope",
			" {\"messages\":[{\"id\":\"1\",\"message\":{\"poseInfo\":[{\"poses\":[{" Q
			"," P "}]}]}}, {\"type\":\"u\",\"message\":[1,2]}]} ",
			2, 1, true, true, 1},
		{"half a position",
			"{\"poseInfo\":[{\"poses\":[{" Q ",\"position\":{\"x\":1,\"y\":2}}]}]}", 1,
			1, false, true, 1},
		{"half an orientation",
			"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"w\":1}}]}]}", 1, 1, false,
			false, 0},
		{"nothing", "{\"poseInfo\":[]}", 1, 0, false, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct seen s;

		if (scan(all[i].text, strlen(all[i].text), &s) != 0 || s.n != all[i].n)
			fail_msg("%s: %u messages", all[i].name, s.n);
		if (s.m[0].pose.views != all[i].views || s.m[0].pose.has_position != all[i].pos ||
			s.m[0].pose.has_orientation != all[i].ori)
			fail_msg("%s: %u views", all[i].name, s.m[0].pose.views);
		if (all[i].pos && s.m[0].pose.p[0] != all[i].x)
			fail_msg("%s: x %g", all[i].name, s.m[0].pose.p[0]);
	}
}

static void kinds(void **state)
{
	const char *t = "{\"messages\":[{\"action\":{\"id\":1,\"name\":\"x\"}},{\"resync\":null},"
			"{\"type\":\"urn:a\",\"message\":{\"id\":2}},{\"type\":7}]}";
	struct seen s;

	(void)state;
	s = (struct seen){.n = 0};
	assert_int_equal(meta_scan(ar_span_str(t), collect, &s), 0);
	assert_int_equal(s.n, 4);
	assert_true(ar_span_eq(s.m[0].action, AR_SPAN("{\"id\":1,\"name\":\"x\"}")));
	assert_true(s.m[1].resync && !s.m[1].has_pose);
	assert_true(ar_span_eq(s.m[2].type, AR_SPAN("urn:a")));
	assert_true(ar_span_eq(s.m[2].body, AR_SPAN("{\"id\":2}")));
	assert_null(s.m[3].type.p);
}

static void refused(void **state)
{
	static const char *const bad[] = {"", " ", "[]", "1", "\"poseInfo\"", "{", "{}x", "{} {}",
		"{\"a\":}", "{\"a\" 1}", "{a:1}", "{\"a\":1,}", "{,}", "{\"a\":[1,]}", "{\"a\":01}",
		"{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":NaN}",
		"{\"a\":Infinity}", "{\"a\":nul}", "{\"a\":tru", "{\"a\":\"\\\"}", "{\"a\":\"\n\"}",
		"{\"poseInfo\":{}}", "{\"poseInfo\":[1]}", "{\"poseInfo\":[{\"poses\":[1]}]}",
		"{\"poseInfo\":[{\"poses\":[{\"position\":[1,2,3]}]}]}",
		"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":\"0\"}}]}]}",
		"{\"poseInfo\":[{\"poseTime\":\"1\"}]}", "{\"messages\":{}}", "{\"messages\":[1]}",
		"{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen s;

		if (scan(bad[i], strlen(bad[i]), &s) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	}
}

static void limits(void **state)
{
	char *big = malloc(META_MAX_BYTES + 2);
	struct seen s;
	size_t n = 0;

	(void)state;
	assert_non_null(big);
	memset(big, ' ', META_MAX_BYTES + 2);
	memcpy(big, "{}", 2);
	assert_int_equal(scan(big, META_MAX_BYTES, &s), 0);
	assert_int_equal(scan(big, META_MAX_BYTES + 1, &s), -E2BIG);
	n += (size_t)sprintf(big, "{\"messages\":[");
	for (int i = 0; i < META_MAX_MESSAGES + 1; i++)
		n += (size_t)sprintf(big + n, "%s{}", i ? "," : "");
	n += (size_t)sprintf(big + n, "]}");
	assert_int_equal(scan(big, n, &s), -E2BIG);
	assert_int_equal(s.n, META_MAX_MESSAGES);
	free(big);
}

/* ---- against the library ---- */

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double random_number(char *text)
{
	double v;

	switch (rnd() % 6) {
	case 0:
		sprintf(text, "%d", (int)(rnd() % 2000001) - 1000000);
		break;
	case 1:
		sprintf(text, "%.17g", ((double)rnd() / 1e19 - 0.9) * 3);
		break;
	case 2:
		sprintf(text, "%.*f", (int)(rnd() % 12) + 1, (double)(int64_t)rnd() / 1e15);
		break;
	case 3:
		sprintf(text, "%.*e", (int)(rnd() % 16), (double)(int64_t)rnd() / 1e18);
		break;
	case 4:
		sprintf(text, "%s%llu.%llu%s%d", rnd() & 1 ? "-" : "", (unsigned long long)rnd(),
			(unsigned long long)rnd(), rnd() & 1 ? "E" : "e", (int)(rnd() % 600) - 300);
		break;
	default:
		sprintf(text, "%se%s%d", rnd() & 1 ? "1" : "0.0", rnd() & 1 ? "-" : "+",
			(int)(rnd() % 30));
	}
	v = strtod(text, NULL);
	return v;
}

static bool close_to(double got, double want)
{
	if (got == want)
		return true;
	return fabs(got - want) <= 1e-14 * fabs(want) || fabs(want) < 1e-300;
}

static void numbers_like_the_library(void **state)
{
	char text[128];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double want = random_number(text), got = 0;
		struct js j = {text, text + strlen(text), 0};

		if (js_number(&j, &got) != 0 || j.p != j.end || !close_to(got, want))
			fail_msg("%s: %.17g, not %.17g", text, got, want);
	}
}

static size_t random_value(char *p, unsigned depth)
{
	static const char *const plain[] = {
		"null", "true", "\"x\\\"{[\"", "\"\"", "-0", "1e5", "[]", "{}"};
	char num[128];
	size_t n = 0;
	unsigned k = (unsigned)(rnd() % 4);

	switch (depth ? rnd() % 4 : rnd() % 2) {
	case 0:
		return (size_t)sprintf(p, "%s", plain[rnd() % 8]);
	case 1:
		random_number(num);
		return (size_t)sprintf(p, "%s", num);
	case 2:
		p[n++] = '[';
		for (unsigned i = 0; i < k; i++) {
			n += (size_t)sprintf(p + n, "%s", i ? ", " : "");
			n += random_value(p + n, depth - 1);
		}
		p[n++] = ']';
		return n;
	default:
		p[n++] = '{';
		for (unsigned i = 0; i < k; i++) {
			n += (size_t)sprintf(
				p + n, "%s\"%c%u\" :", i ? " ," : "", (int)('a' + rnd() % 20), i);
			n += random_value(p + n, depth - 1);
		}
		p[n++] = '}';
		return n;
	}
}

/* Any value, any damage: taken exactly when the library takes it (as far as UTF-8 and the range of
 * numbers are not the reason). */
static void grammar_like_the_library(void **state)
{
	static char text[65536];
	unsigned taken = 0, refused_too = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		size_t n = (size_t)sprintf(text, "{\"v\":");
		struct seen s;
		json_error_t je;
		json_t *j;
		int rc;

		n += random_value(text + n, 3);
		text[n++] = '}';
		if (rnd() % 3 && n > 6)
			text[rnd() % n] = "{}[]:,\"\\ 0-e.x"[rnd() % 14];
		j = json_loadb(text, n, 0, &je);
		if (!j && (strstr(je.text, "too") || strstr(je.text, "overflow")))
			continue; /* a number's range */
		rc = scan(text, n, &s);
		if ((j != NULL && json_is_object(j)) != (rc == 0) && !memchr(text, '\\', n))
			fail_msg("%.*s: %d, library %s", (int)n, text, rc, j ? "ok" : je.text);
		taken += rc == 0;
		refused_too += rc != 0;
		json_decref(j);
	}
	assert_true(taken > 10000 && refused_too > 10000);
}

static double member(const json_t *o, const char *k)
{
	return json_number_value(json_object_get(o, k));
}

static void poses_like_the_library(void **state)
{
	char text[4096], a[128], b[128], c[128], d[128], e[128];
	struct seen s;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		json_t *j;
		const json_t *pose;
		int n;

		random_number(a), random_number(b), random_number(c), random_number(d);
		random_number(e);
		n = sprintf(text,
			"{ \"x\" : [1,{\"poses\":2}], \"poseInfo\" :\n[ {\"poses\": [{\"position\":"
			"{\"z\":%s,\"y\":%s,\"x\":%s},\"orientation\":{\"w\":%s,\"z\":%s,\"x\":0,"
			"\"y\":1}"
			",\"position2\":{\"x\":9}}],\"poseTime\":%s}]}",
			a, b, c, d, e, a);
		j = json_loadb(text, (size_t)n, 0, NULL);
		if (!j)
			continue;
		pose = json_array_get(
			json_object_get(json_array_get(json_object_get(j, "poseInfo"), 0), "poses"),
			0);
		assert_int_equal(scan(text, (size_t)n, &s), 0);
		assert_true(
			close_to(s.m[0].pose.p[0], member(json_object_get(pose, "position"), "x")));
		assert_true(
			close_to(s.m[0].pose.p[2], member(json_object_get(pose, "position"), "z")));
		assert_true(close_to(
			s.m[0].pose.q[3], member(json_object_get(pose, "orientation"), "w")));
		assert_true(close_to(s.m[0].pose.time, strtod(a, NULL)));
		json_decref(j);
	}
}

/* What the ARMF needs of a pose: which frame, which lens, both eyes. */
static void frames_and_lenses(void **state)
{
	struct seen s;
	float angle[4], m[16];
	const char *t = "{\"poseInfo\":[{\"rtpTimestamp\":4294967295,\"ssrc\":7,\"poses\":["
			"{" Q "," P ",\"fov\":{\"angleLeft\":-0.7,\"angleRight\":0.8,\"x\":[1],"
			"\"angleUp\":0.5,\"angleDown\":-0.4}},"
			"{" Q ",\"position\":{\"x\":3,\"y\":2,\"z\":-3},"
			"\"projectionMatrix\":[1,0,0,0,0,2,0,0,0,0,-1,-1,0,0,-0.1,0]}]}]}";

	(void)state;
	assert_int_equal(scan(t, strlen(t), &s), 0);
	assert_true(s.m[0].pose.has_rtp && s.m[0].pose.rtp == 4294967295u);
	assert_true(s.m[0].pose.has_ssrc && s.m[0].pose.ssrc == 7);
	assert_true(s.m[0].pose.has_eyes && s.m[0].pose.p[0] == 2);
	assert_true(s.m[0].pose.eye[0].p[0] == 1 && s.m[0].pose.eye[1].p[0] == 3);
	assert_true(s.m[0].pose.fov[0].n > 0 && !s.m[0].pose.fov[1].p);
	assert_true(s.m[0].pose.projection[1].n > 0 && !s.m[0].pose.projection[0].p);
	t = "{\"angleLeft\":-0.7,\"angleRight\":0.8,\"x\":[1],\"angleUp\":0.5,\"angleDown\":-4e-1}";
	assert_true(meta_read_fov(ar_span_str(t), angle));
	assert_true(angle[0] == -0.7f && angle[1] == 0.8f && angle[2] == 0.5f && angle[3] == -0.4f);
	assert_false(meta_read_fov(AR_SPAN("{\"angleLeft\":-0.7}"), angle));
	assert_false(meta_read_fov(AR_SPAN("[1,2,3,4]"), angle));
	assert_false(meta_read_fov(AR_SPAN("{\"angleLeft\":\"1\"}"), angle));
	assert_false(meta_read_fov(AR_SPAN_NONE, angle));
	t = "[1,0,0,0, 0,2,0,0, 0,0,-1,-1, 0,0,-0.1,0]";
	assert_true(meta_read_projection(ar_span_str(t), m));
	assert_true(m[5] == 2 && m[14] == -0.1f);
	assert_false(meta_read_projection(AR_SPAN("[1,0,0,0]"), m));
	t = "[1,0,0,0, 0,2,0,0, 0,0,-1,-1, 0,0,-0.1,0,1]";
	assert_false(meta_read_projection(ar_span_str(t), m));
	assert_false(meta_read_projection(AR_SPAN_NONE, m));
}

static void bad_frame_numbers(void **state)
{
	static const char *const bad[] = {"-1", "1.5", "4294967296", "1e300"};
	char t[200];
	struct seen s;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(t, sizeof(t), "{\"poseInfo\":[{\"rtpTimestamp\":%s,\"poses\":[{" Q "}]}]}",
			bad[i]);
		assert_int_equal(scan(t, strlen(t), &s), 0);
		assert_false(s.m[0].pose.has_rtp);
		assert_int_equal(s.m[0].pose.views, 1);
	}
	t[0] = '\0';
	assert_int_equal(scan("{\"poseInfo\":[{\"rtpTimestamp\":\"1\"}]}", 35, &s), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pose),
		cmocka_unit_test(shapes),
		cmocka_unit_test(frames_and_lenses),
		cmocka_unit_test(bad_frame_numbers),
		cmocka_unit_test(kinds),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(numbers_like_the_library),
		cmocka_unit_test(grammar_like_the_library),
		cmocka_unit_test(poses_like_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
