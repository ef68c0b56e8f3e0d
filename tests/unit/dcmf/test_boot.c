/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP on bootstrap channels: requests in any slices, answers in the UE's size, one at a time. */
#include "rig.h"

#include "mediad/ctl/json_patch.h"
#include "mediad/dcmf/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HTTP 0

struct line {
	struct rig r;
	struct peer *peer;
	char folder[64];
};

static void put_file(const struct line *l, const char *name, const char *text, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", l->folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void make_folder(struct line *l, bool index)
{
	char path[128], *big = malloc(300000);

	assert_non_null(big);
	memset(big, 'x', 300000);
	snprintf(l->folder, sizeof(l->folder), "/tmp/boot-test-XXXXXX");
	assert_non_null(mkdtemp(l->folder));
	if (index)
		put_file(l, "index.html", "<p>hello", 8);
	put_file(l, "big.bin", big, 300000);
	put_file(l, ".secret", "no", 2);
	snprintf(path, sizeof(path), "%s/sub", l->folder);
	assert_int_equal(mkdir(path, 0755), 0);
	put_file(l, "sub/app.js", "1;", 2);
	snprintf(path, sizeof(path), "%s/link.html", l->folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	free(big);
}

static void remove_folder(const struct line *l)
{
	static const char *const names[] = {
		"index.html", "big.bin", ".secret", "sub/app.js", "link.html"};
	char path[128];

	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", l->folder, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/sub", l->folder);
	rmdir(path);
	rmdir(l->folder);
}

static void start(struct line *l, bool index)
{
	make_folder(l, index);
	rig_start(&l->r, l->folder);
	assets_add_scenes(l->r.assets, SRC_DIR "/webapp/scenes");
	assert_int_equal(
		rig_post(&l->r,
			"{\"x-ims-ar\":{\"scene\":\"tabletop\",\"application\":\"presenter\"},"
			"\"terminations\":[{\"terminationId\":\"a\",\"medias\":[{\"mediaId\":"
			"\"1\",\"mediaResourceType\":\"DC\",\"dcMedia\":{\"streams\":{\"0\":"
			"{\"subprotocol\":\"http\"}}},\"x-ims-ar\":{\"user\":"
			"\"sip:alice@ims\"}}]}]}",
			NULL),
		201);
	l->peer = fake_peer(0);
	fake_connect(l->peer);
}

static void stop(struct line *l)
{
	rig_stop(&l->r);
	remove_folder(l);
}

/* Everything that came back, joined; the caller frees. */
static char *answer(struct line *l, size_t *total, size_t *longest)
{
	struct fake_message m;
	char *all = calloc(1, 400000);
	size_t n = 0;

	assert_non_null(all);
	rig_pass(&l->r, 200000);
	while (fake_take(l->peer, HTTP, &m)) {
		assert_true(n + m.n < 400000);
		memcpy(all + n, m.text, m.n);
		n += m.n;
		if (longest && m.n > *longest)
			*longest = m.n;
		rig_pass(&l->r, 30000);
	}
	if (total)
		*total = n;
	return all;
}

static void expect(struct line *l, const char *request, const char *status, const char *has)
{
	char *text;

	fake_deliver(l->peer, HTTP, request);
	text = answer(l, NULL, NULL);
	if (strncmp(text, status, strlen(status)) != 0 || (has && !strstr(text, has)))
		fail_msg("%s -> %.300s", request, text);
	free(text);
}

static void files(void **state)
{
	struct line l;

	(void)state;
	start(&l, true);
	expect(&l, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\n<p>hello");
	expect(&l, "GET /index.html HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "text/html");
	expect(&l, "GET /sub/app.js?v=1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\n1;");
	expect(&l, "GET http://dcmf.ims/ HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "hello");
	/* as a handset in the field sends it */
	expect(&l, "GET dcmf.ims/?vendor=x&model=y HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n",
		"hello");
	expect(&l, "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "Content-Length: 8\r\n");
	stop(&l);
}

static void missing(void **state)
{
	static const char *const names[] = {"/nothing", "/../../etc/passwd", "/.secret",
		"/link.html", "/sub/../.secret", "/sub", "/%2e%2e/etc/passwd", "//etc/passwd"};
	struct line l;
	char request[128];

	(void)state;
	start(&l, true);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n\r\n", names[i]);
		expect(&l, request, "HTTP/1.1 404 Not Found\r\n", NULL);
	}
	expect(&l, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ",
		"Allow: GET");
	expect(&l, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", NULL); /* the body was eaten */
	stop(&l);
}

static void not_modified(void **state)
{
	struct line l;
	char *text, *etag, request[128];

	(void)state;
	start(&l, true);
	fake_deliver(l.peer, HTTP, "GET / HTTP/1.1\r\n\r\n");
	text = answer(&l, NULL, NULL);
	etag = strstr(text, "ETag: ");
	assert_non_null(etag);
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nIF-NONE-MATCH: \"x\", %.18s\r\n\r\n",
		etag + 6);
	expect(&l, request, "HTTP/1.1 304 Not Modified\r\n", "ETag");
	free(text);
	stop(&l);
}

static void list_without_index(void **state)
{
	struct line l;

	(void)state;
	start(&l, false);
	expect(&l, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "href=\"/sub/app.js\"");
	stop(&l);
}

static void ranges(void **state)
{
	static const struct {
		const char *range, *status, *has;
	} all[] = {{"bytes=0-0", "HTTP/1.1 206 ", "Content-Range: bytes 0-0/300000\r\n"},
		{"bytes=299990-", "HTTP/1.1 206 ", "\r\n\r\nxxxxxxxxxx"},
		{"bytes=-5", "HTTP/1.1 206 ", "Content-Range: bytes 299995-299999/300000\r\n"},
		{"bytes=-999999", "HTTP/1.1 206 ", "Content-Range: bytes 0-299999/300000\r\n"},
		{"Bytes=10-999999", "HTTP/1.1 206 ", "Content-Length: 299990\r\n"},
		{"bytes=300000-", "HTTP/1.1 416 ", "Content-Range: bytes */300000\r\n"},
		{"bytes=-0", "HTTP/1.1 416 ", NULL},
		/* not understood, or more than one: all of it (RFC 9110 14.2) */
		{"bytes=5-4", "HTTP/1.1 200 ", NULL}, {"bytes=0-1,4-5", "HTTP/1.1 200 ", NULL},
		{"lines=0-1", "HTTP/1.1 200 ", NULL}, {"bytes=", "HTTP/1.1 200 ", NULL},
		{"bytes=-", "HTTP/1.1 200 ", NULL}, {"bytes=a-b", "HTTP/1.1 200 ", NULL},
		{"bytes=99999999999999999999999-", "HTTP/1.1 200 ", NULL}};
	char request[160];
	struct line l;

	(void)state;
	start(&l, true);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(request, sizeof(request), "GET /big.bin HTTP/1.1\r\nRange: %s\r\n\r\n",
			all[i].range);
		expect(&l, request, all[i].status, all[i].has);
	}
	expect(&l, "HEAD /big.bin HTTP/1.1\r\nRange: bytes=0-9\r\n\r\n", "HTTP/1.1 206 ",
		"Content-Length: 10\r\n");
	expect(&l, "GET /big.bin HTTP/1.1\r\nRange: bytes=0-9\r\nIf-Range: \"old\"\r\n\r\n",
		"HTTP/1.1 200 ", "Accept-Ranges: bytes\r\n");
	stop(&l);
}

/* A download that broke goes on where it ended, as long as the file is the same. */
static void resumed(void **state)
{
	char request[200], *text, *etag;
	struct line l;

	(void)state;
	start(&l, true);
	fake_deliver(l.peer, HTTP, "HEAD /big.bin HTTP/1.1\r\n\r\n");
	text = answer(&l, NULL, NULL);
	etag = strstr(text, "ETag: ");
	assert_non_null(etag);
	snprintf(request, sizeof(request),
		"GET /big.bin HTTP/1.1\r\nRange: bytes=200000-\r\nIf-Range: %.18s\r\n\r\n",
		etag + 6);
	expect(&l, request, "HTTP/1.1 206 ", "Content-Length: 100000\r\n");
	free(text);
	stop(&l);
}

/* ---- the list of applications, scenes ---- */

static json_t *fetch_list(struct line *l, const char *request)
{
	char *text, *body;
	json_t *j;

	fake_deliver(l->peer, HTTP, request);
	text = answer(l, NULL, NULL);
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	j = json_loads(body + 4, 0, NULL);
	if (!j)
		fail_msg("%.400s", text);
	free(text);
	return j;
}

static const char *text_at(json_t *j, const char *pointer)
{
	const char *s = json_string_value(json_pointer_get(j, pointer));

	return s ? s : "";
}

static void application_list(void **state)
{
	static const char *const asks[] = {"GET /applist.json HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nAccept: application/json\r\n\r\n",
		"GET dcmf.ims/applist.json?vendor=x HTTP/1.1\r\n\r\n"};
	struct line l;

	(void)state;
	start(&l, true);
	for (unsigned i = 0; i < 3; i++) {
		json_t *j = fetch_list(&l, asks[i]);

		assert_string_equal(text_at(j, "/subscriber"), "sip:alice@ims");
		assert_string_equal(text_at(j, "/source"), "local-network");
		assert_string_equal(text_at(j, "/applications/0/id"), "presenter");
		assert_string_equal(text_at(j, "/applications/0/url"), "/index.html");
		assert_int_equal(
			json_integer_value(json_pointer_get(j, "/applications/0/size")), 8);
		assert_string_equal(text_at(j, "/applications/0/scene/name"), "tabletop");
		assert_string_equal(
			text_at(j, "/applications/0/scene/url"), "/scenes/tabletop.gltf");
		json_decref(j);
	}
	/* a browser is shown the page */
	expect(&l, "GET / HTTP/1.1\r\nAccept: text/html,application/json;q=0.9\r\n\r\n",
		"HTTP/1.1 200 OK\r\n", "<p>hello");
	stop(&l);
}

static void list_unchanged(void **state)
{
	char request[200], *text, *etag;
	struct line l;

	(void)state;
	start(&l, true);
	fake_deliver(l.peer, HTTP, "HEAD /applist.json HTTP/1.1\r\n\r\n");
	text = answer(&l, NULL, NULL);
	etag = strstr(text, "ETag: ");
	assert_non_null(etag);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	snprintf(request, sizeof(request),
		"GET /applist.json HTTP/1.1\r\nIf-None-Match: %.18s\r\n\r\n", etag + 6);
	expect(&l, request, "HTTP/1.1 304 ", "ETag");
	free(text);
	stop(&l);
}

/* Streams 10 and 110 are for what users bring themselves: the network has none of theirs. */
static void list_of_users(void **state)
{
	struct fake_message m;
	struct line l;

	(void)state;
	start(&l, true);
	fake_open(l.peer, 110, "http", true, -1);
	fake_deliver(l.peer, 110, "GET /applist.json HTTP/1.1\r\n\r\n");
	rig_pass(&l.r, 1000);
	assert_true(fake_take(l.peer, 110, &m));
	assert_non_null(strstr(m.text, "\"source\":\"remote-user\",\"applications\":[]"));
	stop(&l);
}

/* What the call's scene is made of, and nothing of other calls' scenes. */
static void scene_files(void **state)
{
	struct line l;

	(void)state;
	start(&l, true);
	expect(&l, "GET /scenes/tabletop.gltf HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n",
		"model/gltf+json");
	expect(&l, "GET /scenes/tabletop.gltf HTTP/1.1\r\nRange: bytes=0-9\r\n\r\n",
		"HTTP/1.1 206 ", NULL);
	expect(&l, "GET /scenes/default.gltf HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", NULL);
	expect(&l, "GET /scenes/make.py HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", NULL);
	expect(&l, "GET /scenes/tabletop HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", NULL);
	stop(&l);
}

static void in_slices(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct line l;
	char *text;

	(void)state;
	start(&l, true);
	for (size_t i = 0; i + 1 < sizeof(request); i++)
		fake_deliver_n(l.peer, HTTP, request + i, 1);
	text = answer(&l, NULL, NULL);
	assert_non_null(strstr(text, "hello"));
	free(text);
	/* and three in one message, answered in order */
	fake_deliver(l.peer, HTTP,
		"GET /sub/app.js HTTP/1.1\r\n\r\nGET /no HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
	text = answer(&l, NULL, NULL);
	assert_true(strstr(text, "1;") < strstr(text, "404 Not"));
	assert_true(strstr(text, "404 Not") < strstr(text, "<p>hello"));
	free(text);
	stop(&l);
}

static void large_in_small_messages(void **state)
{
	struct line l;
	size_t n, longest = 0;
	char *text;

	(void)state;
	start(&l, true);
	fake_set_max(l.peer, 1024);
	fake_deliver(l.peer, HTTP, "GET /big.bin HTTP/1.1\r\n\r\n");
	text = answer(&l, &n, &longest);
	assert_int_equal(longest, 1024);
	assert_non_null(strstr(text, "Content-Length: 300000\r\n"));
	assert_int_equal(n, 300000 + (size_t)(strstr(text, "\r\n\r\n") + 4 - text));
	free(text);
	stop(&l);
}

/* A UE that does not take bytes gets no more than the limit, and the rest when it does. */
static void paced(void **state)
{
	struct line l;
	unsigned first;

	(void)state;
	start(&l, true);
	fake_hold(l.peer, true);
	fake_deliver(l.peer, HTTP, "GET /big.bin HTTP/1.1\r\n\r\n");
	rig_pass(&l.r, 5000000);
	first = fake_queued(l.peer);
	assert_in_range(first, BOOT_UNACKED / BOOT_MAX_PIECE, BOOT_UNACKED / BOOT_MAX_PIECE + 2);
	fake_ack(l.peer);
	rig_pass(&l.r, 100000);
	assert_in_range(fake_queued(l.peer), 2 * first - 2, 2 * first + 1);
	stop(&l);
}

static void bad_requests(void **state)
{
	static const struct {
		const char *request, *status;
	} all[] = {{"GARBAGE\r\n\r\n", "HTTP/1.1 400 "}, {"GET /\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/2\r\n\r\n", "HTTP/1.1 400 "}, {"\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 4"},
		{"GET / HTTP/1.1\r\nContent-Length: 8193\r\n\r\n", "HTTP/1.1 413 "}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct line l;

		start(&l, true);
		expect(&l, all[i].request, all[i].status, NULL);
		fake_deliver(l.peer, HTTP, "GET / HTTP/1.1\r\n\r\n"); /* not read any more */
		assert_int_equal(fake_queued(l.peer), 0);
		stop(&l);
	}
}

static void endless_request(void **state)
{
	char piece[1000];
	struct line l;

	(void)state;
	start(&l, true);
	memset(piece, 'a', sizeof(piece));
	for (unsigned i = 0; i < 100; i++)
		fake_deliver_n(l.peer, HTTP, piece, sizeof(piece));
	expect(&l, "", "HTTP/1.1 400 ", NULL);
	stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(missing),
		cmocka_unit_test(not_modified),
		cmocka_unit_test(list_without_index),
		cmocka_unit_test(ranges),
		cmocka_unit_test(resumed),
		cmocka_unit_test(application_list),
		cmocka_unit_test(list_unchanged),
		cmocka_unit_test(list_of_users),
		cmocka_unit_test(scene_files),
		cmocka_unit_test(in_slices),
		cmocka_unit_test(large_in_small_messages),
		cmocka_unit_test(paced),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(endless_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
