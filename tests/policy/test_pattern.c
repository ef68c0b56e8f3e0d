/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox's string functions against stock Lua's: the same expression in both states must give
 * the same results. Fixed cases for what patterns can do, then random patterns and subjects.
 */
#include "asd/policy/host.h"
#include "common/lua/pattern.h"
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

struct both {
	lua_State *stock;
	struct vm *ours;
};

/* All results of fn(...) as one text, errors as "error". */
static const char compare_src[] = "local fn, a, b, c, d = ...\n"
				  "local function text(ok, ...)\n"
				  "  if not ok then return 'error' end\n"
				  "  local t = table.pack(...)\n"
				  "  for i = 1, t.n do t[i] = tostring(t[i]) end\n"
				  "  return table.concat(t, '|', 1, t.n)\n"
				  "end\n"
				  "if fn == 'gmatch' then\n"
				  "  return text(pcall(function()\n"
				  "    local t = {}\n"
				  "    for x, y in string.gmatch(a, b, c) do\n"
				  "      t[#t + 1] = tostring(x) .. ',' .. tostring(y)\n"
				  "      if #t > 100 then break end\n"
				  "    end\n"
				  "    return table.concat(t, '|')\n"
				  "  end))\n"
				  "end\n"
				  "return text(pcall(string[fn], a, b, c, d))\n";

struct arg {
	const char *s;
	size_t n; /* s NULL: the number n */
};

struct question {
	const char *fn;
	struct arg a, b, c;
	bool has_c;
	char answer[4096];
	size_t answer_n;
};

static void push_arg(lua_State *L, const struct arg *a)
{
	if (a->s)
		lua_pushlstring(L, a->s, a->n);
	else
		lua_pushinteger(L, (lua_Integer)(long)a->n);
}

static void take_answer(lua_State *L, struct question *q)
{
	const char *s = lua_tolstring(L, -1, &q->answer_n);

	assert_non_null(s);
	assert_true(q->answer_n < sizeof(q->answer));
	memcpy(q->answer, s, q->answer_n);
}

/* The function to ask is on the top. */
static void ask(lua_State *L, struct question *q)
{
	lua_pushstring(L, q->fn);
	push_arg(L, &q->a);
	push_arg(L, &q->b);
	if (q->has_c)
		push_arg(L, &q->c);
	lua_call(L, q->has_c ? 4 : 3, 1);
	take_answer(L, q);
}

static int ours_entry(lua_State *L)
{
	struct question *q = lua_touserdata(L, 1);

	sandbox_require(L, "compare");
	ask(L, q);
	return 0;
}

static void check(struct both *b, struct question *q)
{
	struct vm_budget budget = {1000, 100000000};
	char err[512] = "", want[sizeof(q->answer)];
	size_t want_n;

	luaL_loadbuffer(b->stock, compare_src, sizeof(compare_src) - 1, "compare");
	ask(b->stock, q);
	lua_settop(b->stock, 0);
	want_n = q->answer_n;
	memcpy(want, q->answer, want_n);
	assert_int_equal(vm_run(b->ours, ours_entry, q, &budget, err, sizeof(err)), VM_OK);
	if (q->answer_n != want_n || memcmp(q->answer, want, want_n) != 0) {
		print_error("string.%s('%.*s', '%.*s'): '%.*s', stock Lua '%.*s'\n", q->fn,
			(int)q->a.n, q->a.s, (int)q->b.n, q->b.s, (int)q->answer_n, q->answer,
			(int)want_n, want);
		fail();
	}
}

static char dir[] = "/tmp/test_pattern.XXXXXX";

static int setup(void **state)
{
	static struct both b;
	struct vm_conf conf = {.memory = 16 << 20,
		.lib_dir = SRC_DIR "/lua/ar",
		.policy_dir = dir,
		.module = host_modules};
	char path[64];
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/compare.lua", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "return function(...)\n%send\n", compare_src);
	fclose(f);
	b.stock = luaL_newstate();
	luaL_openlibs(b.stock);
	assert_int_equal(vm_new(&b.ours, &conf), 0);
	vm_set_loading(b.ours, true);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct both *b = *state;
	char path[64];

	snprintf(path, sizeof(path), "%s/compare.lua", dir);
	remove(path);
	remove(dir);
	lua_close(b->stock);
	vm_free(b->ours);
	return 0;
}

#define TEXT(lit)                                                                                  \
	{                                                                                          \
		lit, sizeof(lit) - 1                                                               \
	}
#define NONE NUMBER(0)
#define NUMBER(n)                                                                                  \
	{                                                                                          \
		NULL, (size_t)(n)                                                                  \
	}

static void test_cases(void **state)
{
	static const struct {
		const char *fn;
		struct arg a, b, c;
	} cases[] = {
		{"find", TEXT("sip:alice@ims.example"), TEXT("alice"), NONE},
		{"find", TEXT("sip:alice@ims.example"), TEXT("(%a+)@([%w.]+)"), NONE},
		{"find", TEXT("a.b"), TEXT("."), NUMBER(2)},
		{"find", TEXT("abc"), TEXT("b"), NUMBER(-1)},
		{"find", TEXT("abc"), TEXT(""), NUMBER(10)},
		{"find", TEXT("abc"), TEXT(""), NUMBER(4)},
		{"find", TEXT("a\0b\0c"), TEXT("b\0c"), NONE},
		{"match", TEXT("a\0b\0c"), TEXT("%z(b)"), NONE},
		{"match", TEXT("  trim me  "), TEXT("^%s*(.-)%s*$"), NONE},
		{"match", TEXT("key = value"), TEXT("^(%w+)%s*=%s*(%w+)$"), NONE},
		{"match", TEXT("f(a(b)c)d"), TEXT("%b()"), NONE},
		{"match", TEXT("THE (quick) fox"), TEXT("%f[%a]%a+%f[%A]"), NUMBER(5)},
		{"match", TEXT("abcabc"), TEXT("(abc)%1"), NONE},
		{"match", TEXT("hello"), TEXT("()ll()"), NONE},
		{"match", TEXT("x"), TEXT("[^]]"), NONE},
		{"match", TEXT("]-^"), TEXT("[]%-^]+"), NONE},
		{"match", TEXT("a-z"), TEXT("[a-]+"), NONE},
		{"match", TEXT("x"), TEXT("[x"), NONE},
		{"match", TEXT("x"), TEXT("%"), NONE},
		{"match", TEXT("x"), TEXT("(x"), NONE},
		{"match", TEXT("x"), TEXT("x)"), NONE},
		{"match", TEXT("x"), TEXT("%1"), NONE},
		{"match", TEXT("x"), TEXT("%b"), NONE},
		{"match", TEXT("x"), TEXT("%bx"), NONE},
		{"match", TEXT("x"), TEXT("%fx"), NONE},
		{"match", TEXT("$"), TEXT("$$"), NONE},
		{"match", TEXT("a^b"), TEXT("a^b"), NONE},
		{"gmatch", TEXT("one two  three"), TEXT("%a+"), NUMBER(1)},
		{"gmatch", TEXT("k=v, a=b"), TEXT("(%w+)=(%w+)"), NUMBER(1)},
		{"gmatch", TEXT("abc"), TEXT(""), NUMBER(1)},
		{"gmatch", TEXT("abc"), TEXT("^a"), NUMBER(1)},
		{"gmatch", TEXT("abc"), TEXT("%a"), NUMBER(3)},
		{"gsub", TEXT("hello world"), TEXT("o"), TEXT("0")},
		{"gsub", TEXT("hello world"), TEXT("(%w+)"), TEXT("<%1>%%%0")},
		{"gsub", TEXT("abc"), TEXT(""), TEXT("-")},
		{"gsub", TEXT("abc"), TEXT("^a"), TEXT("-")},
		{"gsub", TEXT("abc"), TEXT("()"), TEXT("%1")},
		{"gsub", TEXT("abc"), TEXT("b"), TEXT("%2")},
		{"gsub", TEXT("abc"), TEXT("b"), TEXT("%x")},
		{"gsub", TEXT("abc"), TEXT("b"), NUMBER(7)},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct question q = {.fn = cases[i].fn,
			.a = cases[i].a,
			.b = cases[i].b,
			.c = cases[i].c,
			.has_c = cases[i].c.s || cases[i].c.n};

		check(*state, &q);
	}
}

static unsigned long long seed = 1;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static size_t make_pattern(char *out, size_t cap)
{
	static const char *const pieces[] = {"a", "b", ".", "%a", "%d", "%w", "[ab]", "[^a]",
		"[a-c]", "%.", "(", ")", "()", "*", "+", "-", "?", "^", "$", "%1", "%b()", "%f[a]",
		"%", "[", "]", "x", "%S", "[%a_]"};
	size_t n = 0, k = 1 + roll(6);

	out[0] = '\0';
	while (k--)
		n += (size_t)snprintf(
			out + n, cap - n, "%s", pieces[roll(sizeof(pieces) / sizeof(*pieces))]);
	return n;
}

static void test_random(void **state)
{
	static const char *const fns[] = {"find", "match", "gmatch", "gsub"};
	static const char alphabet[] = "aabbc.1()x_";
	int i;

	for (i = 0; i < 20000; i++) {
		char subject[16], pattern[64];
		struct question q = {.fn = fns[roll(4)]};
		size_t j, n = roll(sizeof(subject));

		for (j = 0; j < n; j++)
			subject[j] = alphabet[roll(sizeof(alphabet) - 1)];
		q.a = (struct arg){subject, n};
		q.b = (struct arg){pattern, make_pattern(pattern, sizeof(pattern))};
		if (strcmp(q.fn, "gsub") == 0) {
			q.c = (struct arg){"<%0>", 4};
			q.has_c = true;
		} else if (roll(3) == 0) {
			q.c = (struct arg){NULL, (size_t)(long)((int)roll(20) - 9)};
			q.has_c = true;
		}
		check(*state, &q);
	}
}

static bool count_down(void *arg)
{
	return --*(int *)arg > 0;
}

/* The budget is asked for, and its end is an error, not "no match". */
static void test_budget(void **state)
{
	char subject[2000];
	struct pattern m = {.subject = subject, .may_go_on = count_down};
	const char p[] = ".-.-.-b";
	int slices = 3;

	(void)state;
	memset(subject, 'a', sizeof(subject));
	m.subject_end = subject + sizeof(subject);
	m.pattern_end = p + sizeof(p) - 1;
	m.arg = &slices;
	pattern_restart(&m);
	assert_null(pattern_match(&m, subject, p));
	assert_non_null(m.error);
	assert_int_equal(slices, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
