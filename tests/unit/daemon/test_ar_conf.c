/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "common/daemon/ar_conf.h"
#include "tests/unit/common/oom.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct conf {
	char *name, *none;
	long port;
	bool trace;
	struct ar_conf_list listen;
};

#define AT(field) offsetof(struct conf, field)

static const struct ar_conf_key keys[] = {
	{"front", "name", AR_CONF_STRING, AT(name), "asd", 0, 0, "who we are"},
	{"front", "none", AR_CONF_STRING, AT(none), NULL, 0, 0, "nothing by default"},
	{"front", "port", AR_CONF_INT, AT(port), "9910", 1, 65535, "where"},
	{"front", "listen", AR_CONF_LIST, AT(listen), "127.0.0.1", 0, 0, "once per address"},
	{"log", "trace", AR_CONF_BOOL, AT(trace), "no", 0, 0, "everything"},
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static char path[] = "/tmp/test_ar_conf.XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static int read_text(struct conf *c, const char *text, char *err, size_t cap)
{
	struct ar_buf b;
	int rc;

	memset(c, 0, sizeof(*c));
	write_file(text);
	ar_buf_init(&b, 4096);
	rc = ar_conf_read(keys, NKEYS, c, path, &b);
	snprintf(err, cap, "%.*s", (int)b.n, b.p ? b.p : "");
	ar_buf_free(&b);
	return rc;
}

static void must_read(struct conf *c, const char *text)
{
	char err[400];

	if (read_text(c, text, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void defaults(void **state)
{
	struct conf c = {0};
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 4096);
	assert_int_equal(ar_conf_read(keys, NKEYS, &c, NULL, &b), 0);
	assert_string_equal(c.name, "asd");
	assert_null(c.none);
	assert_int_equal(c.port, 9910);
	assert_false(c.trace);
	assert_int_equal(c.listen.n, 1);
	ar_conf_free(keys, NKEYS, &c);
	assert_null(c.name);
	assert_int_equal(c.listen.n, 0);
	ar_conf_free(keys, NKEYS, &c); /* twice does no harm */
	ar_buf_free(&b);
}

static void reads_a_file(void **state)
{
	struct conf c;

	(void)state;
	must_read(&c, "# comment\n; another\n\n[front]\nname = one = two  \nport=1\r\n"
		      "listen = 192.0.2.1 ; the old one\n  listen = 2001:db8::1\nnone =\n"
		      "[log]\n\ttrace = ON");
	assert_string_equal(c.name, "one = two");
	assert_string_equal(c.none, "");
	assert_int_equal(c.port, 1);
	assert_true(c.trace);
	assert_int_equal(c.listen.n, 2); /* the file's replace the default */
	assert_string_equal(c.listen.item[0], "192.0.2.1");
	assert_string_equal(c.listen.item[1], "2001:db8::1"); /* not a continuation */
	ar_conf_free(keys, NKEYS, &c);
	must_read(&c, "");
	assert_string_equal(c.name, "asd");
	ar_conf_free(keys, NKEYS, &c);
}

static void words_for_yes_and_no(void **state)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"yes", true}, {"No", false}, {"TRUE", true}, {"false", false}, {"on", true},
		{"off", false}, {"1", true}, {"0", false}};
	char text[100];
	struct conf c;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text), "[log]\ntrace = %s\n", words[i].word);
		must_read(&c, text);
		assert_int_equal(c.trace, words[i].value);
		ar_conf_free(keys, NKEYS, &c);
	}
}

#define LONG100                                                                                    \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"890123456789"

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *line, *why;
	} cases[] = {
		{"[front]\n\nprot = 1\n", ":3:", "[front] prot: no such setting"},
		{"[frnt]\nport = 1\n", ":2:", "[frnt] port: no such setting"},
		{"port = 1\n", ":1:", "[] port: no such setting"},
		{"[log]\nport = 1\n", ":2:", "no such setting"},
		{"[front]\nPort = 1\n", ":2:", "no such setting"},
		{"[front]\nport = 0\n", ":2:", "want a number from 1 to 65535"},
		{"[front]\nport = 65536\n", ":2:", "want a number from 1 to 65535"},
		{"[front]\nport = 99999999999999999999\n", ":2:", "want a number"},
		{"[front]\nport = 12x\n", ":2:", "[front] port = 12x"},
		{"[front]\nport = 5 # five\n", ":2:", "want a number"},
		{"[front]\nport =\n", ":2:", "want a number"},
		{"[log]\ntrace = maybe\n", ":2:", "want yes or no"},
		{"[front]\nport = 1\nname = x\nport = 1\n", ":4:", "[front] port: given twice"},
		{"[front]\nport = 1\nnonsense\n", ":3:", "neither [section] nor name = value"},
		{"[front\nport = 1\n", ":1:", "neither [section] nor name = value"},
		/* the first mistake is told */
		{"[front]\nport = 0\nprot = 1\n", ":2:", "want a number"},
		{"[front]\nnonsense\nport = 0\n", ":2:", ""},
		{"[front]\nname = " LONG100 LONG100 "\nport = 1\n", ":2:", "line too long"},
		{"[front]\nname = x\n#" LONG100 LONG100 "\n", ":3:", "line too long"},
	};
	char err[500];
	struct conf c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = read_text(&c, cases[i].text, err, sizeof(err));

		if (rc >= 0)
			fail_msg("case %zu was accepted", i);
		if (strncmp(err, path, strlen(path)) != 0 || !strstr(err, cases[i].line) ||
			!strstr(err, cases[i].why))
			fail_msg("case %zu: %s", i, err);
		ar_conf_free(keys, NKEYS, &c);
	}
}

static void list_maximum(void **state)
{
	char text[2000] = "[front]\n", err[300];
	size_t n = strlen(text);
	struct conf c;

	(void)state;
	for (int i = 0; i < AR_CONF_MAX_LIST; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "listen = %d\n", i);
	must_read(&c, text);
	assert_int_equal(c.listen.n, AR_CONF_MAX_LIST);
	assert_string_equal(c.listen.item[31], "31");
	ar_conf_free(keys, NKEYS, &c);
	snprintf(text + n, sizeof(text) - n, "listen = x\n");
	assert_int_equal(read_text(&c, text, err, sizeof(err)), -E2BIG);
	assert_non_null(strstr(err, "more than 32 entries"));
	ar_conf_free(keys, NKEYS, &c);
}

static void files_that_cannot_be_read(void **state)
{
	struct conf c = {0};
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 4096);
	assert_int_equal(ar_conf_read(keys, NKEYS, &c, "/nonexistent/asd.conf", &b), -ENOENT);
	assert_true(b.n > 0 && memmem(b.p, b.n, "No such file", 12) != NULL);
	ar_conf_free(keys, NKEYS, &c);
	ar_buf_reset(&b);
	assert_int_equal(ar_conf_read(keys, NKEYS, &c, "/tmp", &b), -EISDIR);
	ar_conf_free(keys, NKEYS, &c);
	assert_int_equal(ar_conf_read(keys, 257, &c, NULL, &b), -E2BIG);
	ar_buf_free(&b);
}

static void bad_default_is_our_mistake(void **state)
{
	static const struct ar_conf_key bad[] = {
		{"a", "b", AR_CONF_INT, AT(port), "many", 0, 9, "wrong"}};
	struct conf c = {0};
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 4096);
	assert_int_equal(ar_conf_read(bad, 1, &c, NULL, &b), -EINVAL);
	assert_non_null(memmem(b.p, b.n, "built-in default: [a] b = many", 30));
	ar_buf_free(&b);
}

/* Every allocation fails once: an error that says so, and nothing leaks. */
static void without_memory(void **state)
{
	static const char text[] = "[front]\nname = x\nlisten = y\nlisten = z\n";
	int rc = -1, n = 0;

	(void)state;
	write_file(text);
	do {
		struct conf c = {0};
		struct ar_buf b;

		ar_buf_init(&b, 4096);
		assert_int_equal(ar_buf_reserve(&b, 1000), 0);
		oom_after(++n);
		rc = ar_conf_read(keys, NKEYS, &c, path, &b);
		oom_after(-1);
		assert_true(rc == 0 || rc == -ENOMEM);
		ar_conf_free(keys, NKEYS, &c);
		ar_buf_free(&b);
	} while (rc != 0 && n < 100);
	assert_true(n > 4 && n < 100);
}

static void help_lists_everything(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	assert_non_null(f);
	ar_conf_help(keys, NKEYS, f);
	fclose(f);
	for (size_t i = 0; i < NKEYS; i++) {
		assert_non_null(strstr(text, keys[i].name));
		assert_non_null(strstr(text, keys[i].help));
	}
	assert_non_null(strstr(text, "[front]"));
	assert_non_null(strstr(text, "9910"));
	free(text);
}

/* ---- sections with names ---- */

struct room {
	char name[16];
	char *door;
	long seats;
};

struct house {
	struct conf conf;
	struct room room[2];
	unsigned n;
};

#define IN_ROOM(field) offsetof(struct room, field)

static const struct ar_conf_key room_keys[] = {
	{"room NAME", "door", AR_CONF_STRING, IN_ROOM(door), "open", 0, 0, "open or shut"},
	{"room NAME", "seats", AR_CONF_INT, IN_ROOM(seats), "4", 1, 100, "how many"},
};

static void *add_room(void *conf, const char *name, char *why, size_t cap)
{
	struct house *h = conf;

	for (unsigned i = 0; i < h->n; i++) {
		if (strcmp(h->room[i].name, name) == 0) {
			snprintf(why, cap, "[room %s]: there twice", name);
			return NULL;
		}
	}
	if (!*name || h->n == 2) {
		snprintf(why, cap, "[room %s]: no", name);
		return NULL;
	}
	snprintf(h->room[h->n].name, sizeof(h->room[0].name), "%s", name);
	return &h->room[h->n++];
}

static const struct ar_conf_family rooms = {"room", room_keys, 2, add_room};

static int read_house(struct house *h, const char *text, char *err, size_t cap)
{
	struct ar_buf b;
	int rc;

	memset(h, 0, sizeof(*h));
	write_file(text);
	ar_buf_init(&b, 4096);
	rc = ar_conf_read_family(keys, NKEYS, &rooms, h, path, &b);
	snprintf(err, cap, "%.*s", (int)b.n, b.p ? b.p : "");
	ar_buf_free(&b);
	return rc;
}

static void free_house(struct house *h)
{
	for (unsigned i = 0; i < h->n; i++)
		ar_conf_free(room_keys, 2, &h->room[i]);
	ar_conf_free(keys, NKEYS, h);
}

static void named_sections(void **state)
{
	struct house h;
	char err[400];

	(void)state;
	if (read_house(&h,
		    "[room blue]\nseats = 7\n[front]\nport = 12\n[room red]\ndoor = shut\n"
		    "[log]\ntrace = yes\n",
		    err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(h.n, 2);
	assert_string_equal(h.room[0].name, "blue");
	assert_int_equal(h.room[0].seats, 7);
	assert_string_equal(h.room[0].door, "open");
	assert_string_equal(h.room[1].name, "red");
	assert_int_equal(h.room[1].seats, 4);
	assert_string_equal(h.room[1].door, "shut");
	assert_int_equal(h.conf.port, 12);
	assert_true(h.conf.trace);
	free_house(&h);
}

static void named_sections_wrong(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"[room blue]\nseats = 7\nseats = 8\n", ":3: [room blue] seats: given twice"},
		{"[room blue]\nseats = 0\n", ":2: [room blue] seats = 0: want a number"},
		{"[room blue]\nchairs = 1\n", ":2: [room blue] chairs: no such setting"},
		{"[room blue]\nport = 1\n", ":2: [room blue] port: no such setting"},
		{"[front]\nseats = 1\n", ":2: [front] seats: no such setting"},
		{"[room]\nseats = 1\n", ":2: [room ]: no"},
		{"[rooms]\nseats = 1\n", ":2: [rooms] seats: no such setting"},
		{"[room a]\nseats = 1\n[room b]\nseats = 1\n[room c]\nseats = 1\n", ":6: [room c]"},
		{"[room a]\nseats = 1\n[room b]\nseats = 1\n[room a]\nseats = 1\n", "twice"},
	};
	struct house h;
	char err[400];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_not_equal(read_house(&h, cases[i].text, err, sizeof(err)), 0);
		if (!strstr(err, cases[i].want))
			fail_msg("'%s' gave '%s'", cases[i].text, err);
		free_house(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(reads_a_file),
		cmocka_unit_test(words_for_yes_and_no),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(list_maximum),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(bad_default_is_our_mistake),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(named_sections),
		cmocka_unit_test(named_sections_wrong),
		cmocka_unit_test(help_lists_everything),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
