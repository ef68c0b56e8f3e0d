/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/test_ar_log.XXXXXX";
static int saved, file;

static int setup(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	file = mkstemp(path);
	return file < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(file);
	return unlink(path);
}

/* From here on stderr goes to the file, which is empty. */
static void capture(void)
{
	fflush(stderr);
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(file, STDERR_FILENO) >= 0);
}

static const char *captured(void)
{
	static char text[8192];
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(file, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void levels(void **state)
{
	static const char *const words[] = {"err", "warn", "notice", "info", "debug"};
	enum ar_log_level level;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(ar_log_level_parse(words[i], &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(ar_log_level_parse("loud", &level), -EINVAL);
	assert_int_equal(ar_log_level_parse("", &level), -EINVAL);
	ar_log_init("test", AR_LOG_NOTICE);
	assert_true(ar_log_on(AR_LOG_NOTICE));
	assert_false(ar_log_on(AR_LOG_INFO));
	capture();
	ar_log(AR_LOG_INFO, "area", "quiet");
	ar_log(AR_LOG_WARN, "area", "loud %d", 7);
	ar_log_set_level(AR_LOG_DEBUG);
	ar_log(AR_LOG_DEBUG, "area", "deep");
	assert_int_equal(lines(captured()), 2);
}

static void form_of_a_line(void **state)
{
	const char *text;
	char want[100];

	(void)state;
	ar_log_init("prog", AR_LOG_INFO);
	capture();
	ar_log(AR_LOG_WARN, "front", "hello %s", "world");
	text = captured();
	snprintf(want, sizeof(want), "Z prog[%d] warn front: hello world\n", (int)getpid());
	assert_int_equal(text[4], '-');
	assert_int_equal(text[10], 'T');
	if (strcmp(text + 23, want) != 0)
		fail_msg("%s", text);
}

static void for_the_journal(void **state)
{
	char value[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(file, &st), 0);
	snprintf(value, sizeof(value), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", value, 1);
	capture();
	ar_log_init("prog", AR_LOG_INFO);
	ar_log(AR_LOG_ERR, "x", "y");
	assert_string_equal(captured(), "<3>x: y\n");
	/* inherited, but our stderr goes elsewhere: a file gets whole lines */
	setenv("JOURNAL_STREAM", "1:2", 1);
	capture();
	ar_log_init("prog", AR_LOG_INFO);
	ar_log(AR_LOG_ERR, "x", "y");
	assert_non_null(strstr(captured(), "prog["));
	setenv("JOURNAL_STREAM", "nonsense", 1);
	capture();
	ar_log_init("prog", AR_LOG_INFO);
	ar_log(AR_LOG_ERR, "x", "y");
	assert_non_null(strstr(captured(), "prog["));
	unsetenv("JOURNAL_STREAM");
}

/* What strangers send must not look like lines of ours, nor reach a terminal as escapes. */
static void strangers_make_no_lines(void **state)
{
	const char *text;

	(void)state;
	ar_log_init("prog", AR_LOG_INFO);
	capture();
	{
		AR_LOG_CALL("evil\r\nid\033[2J");
		ar_log(AR_LOG_INFO, "x", "a%sb%c", "\n2026-01-01 fake", 0x7f);
	}
	text = captured();
	assert_int_equal(lines(text), 1);
	assert_non_null(strstr(text, "[evil??id?[2J] a?2026-01-01 fakeb?\n"));
}

static void long_lines_are_cut(void **state)
{
	static char big[5000];
	const char *text;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	ar_log_init("prog", AR_LOG_INFO);
	capture();
	{
		AR_LOG_CALL(big);
		ar_log(AR_LOG_INFO, "x", "%s", big);
		ar_log(AR_LOG_INFO, "x", "next");
	}
	text = captured();
	assert_int_equal(lines(text), 2);
	assert_true(strlen(text) < 2500);
}

static void calls_nest(void **state)
{
	const char *text;

	(void)state;
	ar_log_init("prog", AR_LOG_INFO);
	capture();
	{
		AR_LOG_CALL("outer");
		ar_log(AR_LOG_INFO, "x", "1");
		{
			AR_LOG_CALL("inner");
			ar_log(AR_LOG_INFO, "x", "2");
		}
		ar_log(AR_LOG_INFO, "x", "3");
		{
			AR_LOG_CALL(NULL);
			ar_log(AR_LOG_INFO, "x", "4");
		}
	}
	ar_log(AR_LOG_INFO, "x", "5");
	text = captured();
	assert_non_null(strstr(text, "x: [outer] 1\n"));
	assert_non_null(strstr(text, "x: [inner] 2\n"));
	assert_non_null(strstr(text, "x: [outer] 3\n"));
	assert_non_null(strstr(text, "x: 4\n"));
	assert_non_null(strstr(text, "x: 5\n"));
}

static void floods_are_limited_and_told(void **state)
{
	struct ar_log_limit l = {0};
	unsigned passed = 0;

	(void)state;
	ar_log_init("prog", AR_LOG_INFO);
	capture();
	/* a second may end in between: then there are at most two windows */
	for (int i = 0; i < 1000; i++)
		passed += ar_log_allow(&l, 5);
	assert_true(passed == 5 || passed == 10);
	assert_true(l.suppressed > 0);
	l.window--; /* a second later */
	assert_true(ar_log_allow(&l, 5));
	assert_non_null(strstr(captured(), "lines like the next were suppressed"));
	assert_int_equal(l.suppressed, 0);
	/* each place counts for itself, and a level that is off costs nothing */
	capture();
	for (int i = 0; i < 20; i++) {
		ar_log_limited(AR_LOG_INFO, "x", "here");
		ar_log_limited(AR_LOG_DEBUG, "x", "never");
	}
	passed = lines(captured());
	assert_true(passed >= 5 && passed <= 11);
}

static void clocks(void **state)
{
	uint64_t a = ar_now(), b = ar_now();

	(void)state;
	assert_true(b >= a);
	assert_true(b - a < AR_SEC);
	assert_true(ar_wall_ms() > 1700000000000ull);
	assert_true(AR_NEVER > b);
}

static void one_line_each(void)
{
	static const char *const calls[] = {"traced@x", "other@x", NULL};

	for (unsigned i = 0; i < 3; i++) {
		AR_LOG_CALL(calls[i]);
		ar_log(AR_LOG_DEBUG, "test", "line");
	}
}

static void traced_calls(void **state)
{
	char many[20];
	const char *text;

	(void)state;
	ar_log_init("test", AR_LOG_ERR);
	capture();
	ar_log_trace("traced@x", true);
	ar_log_trace("traced@x", true); /* two contexts of one call */
	one_line_each();
	ar_log_trace("traced@x", false);
	one_line_each();
	ar_log_trace("traced@x", false);
	one_line_each();
	ar_log_trace("traced@x", false); /* more often than on */
	ar_log_trace("", true);
	one_line_each();
	text = captured();
	assert_int_equal(lines(text), 2);
	assert_non_null(strstr(text, "debug test: [traced@x] line"));
	capture();
	for (unsigned i = 0; i < AR_LOG_MAX_TRACED + 5; i++) {
		snprintf(many, sizeof(many), "call%u", i);
		ar_log_trace(many, true);
	}
	for (unsigned i = 0; i < AR_LOG_MAX_TRACED + 5; i++) {
		snprintf(many, sizeof(many), "call%u", i);
		AR_LOG_CALL(many);
		if (ar_log_on(AR_LOG_DEBUG) != (i < AR_LOG_MAX_TRACED))
			fail_msg("call %u", i);
	}
	for (unsigned i = 0; i < AR_LOG_MAX_TRACED + 5; i++) {
		snprintf(many, sizeof(many), "call%u", i);
		ar_log_trace(many, false);
	}
	assert_false(ar_log_on(AR_LOG_DEBUG));
	(void)captured();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(form_of_a_line),
		cmocka_unit_test(for_the_journal),
		cmocka_unit_test(strangers_make_no_lines),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(calls_nest),
		cmocka_unit_test(traced_calls),
		cmocka_unit_test(floods_are_limited_and_told),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
