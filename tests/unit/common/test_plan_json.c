/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "common/plan_json.h"
#include "tests/unit/common/plan_help.h"
#include "tests/unit/common/samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct ar_plan_room room;

static void goes_round(void **state)
{
	struct sample_plan s;
	struct ar_plan back;
	const char *why = "";
	json_t *one, *two;
	char *text;

	(void)state;
	sample_plan(&s);
	s.plan.settled = 1 + AR_OUTCOME_DC_ONLY;
	s.plan.group[AR_SIDE_A] = AR_SPAN("BUNDLE 0");
	one = ar_plan_to_json(&s.plan);
	assert_non_null(one);
	if (ar_plan_from_json(&back, &room, one, &why) != 0)
		fail_msg("%s", why);
	assert_string_equal(back.ref, "t-1");
	assert_int_equal(back.offerer, AR_SIDE_A);
	assert_true(back.drop_group);
	assert_int_equal(back.settled, s.plan.settled);
	assert_int_equal(back.nanswer, 2);
	assert_int_equal(back.answer_for[AR_OUTCOME_DC_REFUSED], 1);
	assert_true(back.offer.ice_lite);
	assert_true(ar_span_eq(back.answer[0].sec[1].text, s.plan.answer[0].sec[1].text));
	assert_null(back.offer.sec[0].alt.p);
	two = ar_plan_to_json(&back);
	assert_true(json_equal(one, two));
	/* through text, as over the link */
	text = json_dumps(one, 0);
	json_decref(two);
	two = json_loads(text, 0, NULL);
	assert_true(json_equal(one, two));
	free(text);
	json_decref(one);
	json_decref(two);
}

/* The document of docs/front.md, with whole texts. */
#define DOC(EXTRA)                                                                                 \
	"{\"ref\":\"9f3c-1\",\"offerer\":\"a\",\"drop_group\":true," EXTRA                         \
	"\"session_id\":[\"- 3901\",\"- 3902\"],"                                                  \
	"\"origin_addr\":[\"IN IP4 192.0.2.1\",\"IN IP4 192.0.2.1\"],"                             \
	"\"offer\":{\"ice_lite\":true,\"sec\":[{\"pass\":0},{\"from\":-1,"                         \
	"\"text\":\"m=application 0 x y\\r\\nc=IN IP4 h\\r\\n\"}]},"                               \
	"\"answers\":[{\"sec\":[{\"pass\":0,\"alt\":\"m=audio 0 R 0\\r\\nc=IN IP4 h\\r\\n\"}]}],"  \
	"\"answer_for\":{\"ar-capable\":0,\"ar-assisted\":0,\"dc-only\":0,\"dc-refused\":0,"       \
	"\"none-offered\":0}}"

static void reads_the_documented_form(void **state)
{
	struct ar_plan p;
	const char *why = "";
	json_t *j = json_loads(DOC("\"from_the_future\":{\"x\":1},"), 0, NULL);

	(void)state;
	assert_non_null(j);
	if (ar_plan_from_json(&p, &room, j, &why) != 0)
		fail_msg("%s", why);
	assert_int_equal(p.offer.sec[1].from, -1);
	assert_true(p.offer.sec[0].pass);
	assert_int_equal(p.answer[0].n, 1);
	assert_false(p.answer[0].ice_lite);
	json_decref(j);
}

/* Member by path in the good document, and what to put there (NULL: nothing). */
static const struct {
	const char *key, *value, *why;
} damages[] = {
	{"ref", NULL, "ref"},
	{"ref", "7", "ref"},
	{"ref", "\"0123456789012345678901234567890123\"", "ref"},
	{"offerer", "\"c\"", "offerer"},
	{"offerer", "true", "offerer"},
	{"settled", "\"nonsense\"", "settled"},
	{"settled", "1", "settled"},
	{"session_id", NULL, "session_id"},
	{"session_id", "[\"- 1\"]", "session_id"},
	{"session_id", "[\"- 1\",2]", "session_id"},
	{"session_id", "[\"- 1\",\"x\"]", "session_id"},
	{"origin_addr", "{}", "origin_addr"},
	{"group", "\"BUNDLE\"", "group"},
	{"offer", NULL, "recipe"},
	{"offer", "{\"sec\":7}", "recipe"},
	{"offer", "{\"sec\":[7]}", "either pass or text"},
	{"offer", "{\"sec\":[{}]}", "either pass or text"},
	{"offer", "{\"sec\":[{\"pass\":0,\"text\":\"x\"}]}", "either pass or text"},
	{"offer", "{\"sec\":[{\"pass\":\"0\"}]}", "index"},
	{"offer", "{\"sec\":[{\"from\":0,\"text\":\"x\",\"ssrc_mask\":-1}]}", "ssrc_mask"},
	{"offer", "{\"sec\":[{\"from\":0,\"text\":\"x\",\"ssrc_mask\":4294967296}]}", "ssrc_mask"},
	{"offer", "{\"sec\":[{\"pass\":0.5}]}", "index"},
	{"offer", "{\"sec\":[{\"pass\":4294967296}]}", "index"},
	{"offer", "{\"sec\":[{\"pass\":-9223372036854775808}]}", "index"},
	{"offer", "{\"sec\":[{\"pass\":1}]}", "index"},
	{"offer", "{\"sec\":[{\"text\":7}]}", "text"},
	{"offer", "{\"sec\":[{\"text\":\"x\",\"alt\":7}]}", "alt"},
	{"offer", "{\"sec\":[{\"text\":\"x\",\"from\":99}]}", "index"},
	{"answers", NULL, "answers"},
	{"answers", "[]", "answers"},
	{"answers", "[1,2,3,4,5,6]", "answers"},
	{"answers", "[null]", "recipe"},
	{"answer_for", NULL, "answer_for"},
	{"answer_for", "{\"ar-capable\":0}", "answer_for"},
	{"answer_for",
		"{\"ar-capable\":0,\"ar-assisted\":0,\"dc-only\":1,\"dc-refused\":0,"
		"\"none-offered\":0}",
		"answer_for"},
};

static void refuses_with_a_reason(void **state)
{
	struct ar_plan p;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		json_t *j = json_loads(DOC(""), 0, NULL);

		assert_non_null(j);
		if (damages[i].value) {
			json_t *v = json_loads(damages[i].value, JSON_DECODE_ANY, NULL);

			assert_non_null(v);
			json_object_set_new(j, damages[i].key, v);
		} else {
			json_object_del(j, damages[i].key);
		}
		why = "-";
		if (ar_plan_from_json(&p, &room, j, &why) != -EBADMSG ||
			!strstr(why, damages[i].why))
			fail_msg("case %zu (%s): %s", i, damages[i].key, why);
		assert_int_equal(ar_plan_from_json(&p, &room, j, NULL), -EBADMSG);
		json_decref(j);
	}
	assert_int_equal(ar_plan_from_json(&p, &room, NULL, &why), -EBADMSG);
}

static void too_many_sections(void **state)
{
	json_t *j = json_loads(DOC(""), 0, NULL), *sec = json_array();
	struct ar_plan p;
	const char *why;

	(void)state;
	for (int i = 0; i <= AR_PLAN_MAX_SECTIONS; i++)
		json_array_append_new(sec, json_pack("{s:i}", "pass", 0));
	json_object_set_new(json_object_get(j, "offer"), "sec", sec);
	assert_int_equal(ar_plan_from_json(&p, &room, j, &why), -EBADMSG);
	assert_string_equal(why, "too many sections");
	json_decref(j);
}

/* Every allocation fails once: NULL, and nothing leaks (the sanitizer looks). */
static int left;

static void *failing_malloc(size_t n)
{
	return left-- > 0 ? malloc(n) : NULL;
}

static void without_memory(void **state)
{
	struct sample_plan s;
	json_t *j = NULL;
	int n = 0;

	(void)state;
	sample_plan(&s);
	s.plan.settled = 1;
	s.plan.group[0] = AR_SPAN("BUNDLE 0");
	json_set_alloc_funcs(failing_malloc, free);
	do {
		left = n++;
		j = ar_plan_to_json(&s.plan);
	} while (!j && n < 10000);
	left = 1 << 30;
	assert_non_null(j);
	assert_true(n > 50);
	json_decref(j);
	json_set_alloc_funcs(malloc, free);
}

/* A UE's bytes that are no UTF-8 cannot be put into JSON. */
static void not_utf8(void **state)
{
	struct sample_plan s;

	(void)state;
	sample_plan(&s);
	s.offer[1].text = AR_SPAN("m=audio 0 R 0\r\nc=IN IP4 h\r\na=\xff\xfe\r\n");
	assert_null(ar_plan_to_json(&s.plan));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_round),
		cmocka_unit_test(reads_the_documented_form),
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(too_many_sections),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
