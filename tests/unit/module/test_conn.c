/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to asd, with this test as asd at the other end and as the clock. */
#include "kamailio-modules/ims_ar/ar_ask.h"
#include "kamailio-modules/ims_ar/ar_conn.h"
#include "kamailio-modules/ims_ar/ar_resync.h"
#include "stubs.h"

#include "tests/unit/common/cmocka_all.h"

#include "../../core/dprint.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct rig {
	char path[64], address[80];
	int listen, peer;
	struct ar_conn c;
	struct ar_conn_handler h;
	int64_t now;
	int ups, downs, frames, bad_frames;
	struct ar_buf in;
};

static struct rig r;

static void on_up(struct ar_conn *c, void *arg)
{
	(void)c;
	((struct rig *)arg)->ups++;
}

static void on_down(struct ar_conn *c, void *arg)
{
	(void)c;
	((struct rig *)arg)->downs++;
}

static int on_frame(struct ar_conn *c, const json_t *j, void *arg)
{
	(void)c;
	((struct rig *)arg)->frames++;
	return json_object_get(j, "bad") ? -EBADMSG : 0;
}

static void open_listener(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", r.path);
	unlink(r.path);
	r.listen = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(r.listen, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(r.listen, 4), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	test_stubs_reset();
	ar_conf.event_max = 1000;
	snprintf(r.path, sizeof(r.path), "/tmp/ims-ar-test.%d", (int)getpid());
	snprintf(r.address, sizeof(r.address), "unix:%s", r.path);
	r.peer = -1;
	r.now = 1000;
	r.h = (struct ar_conn_handler){.up = on_up, .down = on_down, .frame = on_frame, .arg = &r};
	ar_buf_init(&r.in, 8 * 1024 * 1024);
	open_listener();
	ar_conn_init(&r.c, 0, r.address, "pcscf1", "00ff");
	return ar_jobs_init() == 0 && ar_jobs_open() == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ar_conn_free(&r.c);
	ar_buf_free(&r.in);
	if (r.peer >= 0)
		close(r.peer);
	close(r.listen);
	unlink(r.path);
	ar_jobs_destroy();
	return test_shm_live == 0 ? 0 : -1;
}

/* One turn of the link process's loop. */
static void turn(void)
{
	struct pollfd p;

	ar_conn_poll(&r.c, &p);
	if (p.fd >= 0)
		poll(&p, 1, 0);
	ar_conn_run(&r.c, p.revents, r.now, &r.h);
	if (r.peer < 0)
		r.peer = accept4(r.listen, NULL, NULL, SOCK_NONBLOCK);
}

static void turns(int n)
{
	while (n--)
		turn();
}

static void hang_up(void)
{
	close(r.peer);
	r.peer = -1;
	ar_buf_reset(&r.in);
}

static void raw(const void *p, size_t n)
{
	assert_int_equal(send(r.peer, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void say(const char *json)
{
	struct ar_buf b;

	ar_buf_init(&b, 1 << 20);
	assert_int_equal(ar_frame_add(&b, ar_span_str(json)), 0);
	raw(b.p, b.n);
	ar_buf_free(&b);
}

/* The next frame that the module sent, or NULL. */
static json_t *hear(void)
{
	struct ar_span body;
	size_t used;
	char chunk[65536];
	ssize_t n;
	json_t *j;

	while (r.peer >= 0 && (n = recv(r.peer, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		ar_buf_add(&r.in, chunk, (size_t)n);
	if (ar_frame_next(ar_buf_span(&r.in), &body, &used) <= 0)
		return NULL;
	j = json_loadb(body.p, body.n, 0, NULL);
	ar_buf_consume(&r.in, used);
	assert_non_null(j);
	return j;
}

static uint64_t hear_id(const char *cmd)
{
	json_t *j = hear();
	uint64_t id;

	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "cmd")), cmd);
	id = (uint64_t)json_integer_value(json_object_get(j, "id"));
	json_decref(j);
	return id;
}

static void answer(uint64_t id, const char *members)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"id\":%llu,%s}", (unsigned long long)id, members);
	say(text);
}

static void come_up(void)
{
	turns(4);
	answer(hear_id("hello"), "\"ok\":true,\"v\":1,\"instance\":\"i1\",\"version\":\"9.9\"");
	turns(2);
	assert_int_equal(r.c.phase, AR_CONN_UP);
}

static void test_hello(void **state)
{
	(void)state;
	come_up();
	assert_int_equal(r.ups, 1);
	assert_string_equal(r.c.peer_version, "9.9");
}

static void test_hello_refused(void **state)
{
	(void)state;
	turns(4);
	answer(hear_id("hello"), "\"ok\":false,\"code\":\"version\",\"reason\":\"only v 2\"");
	turns(2);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
	assert_non_null(strstr(r.c.why, "only v 2"));
	assert_int_equal(r.ups + r.downs, 0);
}

static void test_hello_unanswered(void **state)
{
	(void)state;
	turns(4);
	r.now += AR_CONN_SETUP;
	turns(2);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
}

static void test_reconnects(void **state)
{
	(void)state;
	come_up();
	hang_up();
	turns(2);
	assert_int_equal(r.downs, 1);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
	r.now += AR_CONN_RETRY - 1;
	turns(3);
	assert_int_equal(r.c.phase, AR_CONN_DOWN); /* not before its time */
	r.now += 1;
	come_up();
	assert_int_equal(r.ups, 2);
}

static void test_nobody_there(void **state)
{
	int errors = test_errors_logged;

	(void)state;
	close(r.listen);
	unlink(r.path);
	for (int i = 0; i < 50; i++) {
		turn();
		r.now += AR_CONN_RETRY;
	}
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
	assert_true(test_errors_logged - errors <= 1); /* not a line at every attempt */
	open_listener();
	come_up();
}

static void test_ping(void **state)
{
	(void)state;
	come_up();
	for (int i = 0; i < 3; i++) {
		r.now += AR_CONN_PING;
		turns(2);
		answer(hear_id("ping"), "\"ok\":true");
		turns(2);
		assert_int_equal(r.c.phase, AR_CONN_UP);
	}
	r.now += AR_CONN_PING;
	turns(2);
	hear_id("ping");
	r.now += AR_CONN_PONG;
	turns(2);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
	assert_int_equal(r.downs, 1);
}

static void closes_on(const void *p, size_t n)
{
	long before = test_stat[AR_STAT_link_garbage];

	come_up();
	raw(p, n);
	turns(3);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
	assert_int_equal(test_stat[AR_STAT_link_garbage], before + 1);
	hang_up();
	r.now += AR_CONN_RETRY;
}

static void test_garbage(void **state)
{
	(void)state;
	closes_on("\0\0\0\0", 4); /* empty frame */
	closes_on("\xff\xff\xff\xff", 4); /* 4 GiB */
	closes_on("\0\4\0\1", 4); /* one byte over the maximum */
	closes_on("\0\0\0\5{{{{{", 9); /* no JSON */
	closes_on("\0\0\0\2[]", 6); /* no object */
	closes_on("\0\0\0\17{\"a\":1,\"a\":2  }", 19); /* a member twice */
	closes_on("\0\0\0\12{\"bad\":1 }", 14); /* the handler refuses it */
	closes_on("\0\0\0\7\"\xff\xfe\xfd\x80\x81\"", 11);
}

static void test_frame_before_hello_is_answered(void **state)
{
	(void)state;
	turns(4);
	hear_id("hello");
	say("{\"id\":5,\"ok\":true}");
	turns(2);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
	assert_int_equal(r.frames, 0);
}

static void test_frames_in_pieces(void **state)
{
	static const char two[] = "\0\0\0\12{\"x\":   1}\0\0\0\12{\"y\":   2}";

	(void)state;
	come_up();
	for (size_t i = 0; i < sizeof(two) - 1; i++) {
		raw(two + i, 1);
		turn();
	}
	assert_int_equal(r.frames, 2);
	raw(two, sizeof(two) - 1);
	turn();
	assert_int_equal(r.frames, 4);
}

static struct ar_event *event(const char *text)
{
	struct ar_event *e;

	assert_true(ar_event_push(0, text, true));
	e = ar_events_take();
	assert_non_null(e);
	return e;
}

static void hear_event(uint64_t seq, int n)
{
	json_t *j = hear();

	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "seq")), seq);
	assert_int_equal(json_integer_value(json_object_get(j, "n")), n);
	json_decref(j);
}

static void push_events(int from, int to)
{
	char text[32];

	for (int i = from; i <= to; i++) {
		snprintf(text, sizeof(text), "{\"n\":%d}", i);
		ar_conn_event(&r.c, event(text));
	}
}

static void test_events_until_acknowledged(void **state)
{
	(void)state;
	push_events(1, 2); /* before there is a connection */
	come_up();
	turns(2);
	hear_event(1, 1);
	hear_event(2, 2);
	push_events(3, 4);
	turns(2);
	hear_event(3, 3);
	hear_event(4, 4);
	assert_int_equal(r.c.unacked, 4);
	say("{\"ack\":3}");
	turns(2);
	assert_int_equal(r.c.unacked, 1);
	assert_int_equal(ar_events_unacked(), 1);
	/* what was sent and not acknowledged comes again, in order, with its number */
	hang_up();
	turns(2);
	push_events(5, 5);
	r.now += AR_CONN_RETRY;
	come_up();
	turns(2);
	hear_event(4, 4);
	hear_event(5, 5);
	say("{\"ack\":5}");
	turns(2);
	assert_int_equal(ar_events_unacked(), 0);
}

static void test_ack_of_what_was_not_sent(void **state)
{
	(void)state;
	come_up();
	say("{\"ack\":1000}");
	push_events(1, 1); /* queued, and the ack is read first */
	turns(3);
	assert_int_equal(r.c.unacked, 1);
	hear_event(1, 1);
	say("{\"ack\":0}");
	turns(3);
	assert_int_equal(r.c.unacked, 1);
}

static void test_events_move_to_another(void **state)
{
	struct ar_conn other;
	struct ar_event *e, *next;
	int n = 0;

	(void)state;
	ar_conn_init(&other, 1, r.address, "pcscf1", "00ff");
	push_events(1, 3);
	for (e = ar_conn_take_events(&r.c); e; e = next) {
		next = e->next;
		ar_conn_event(&other, e);
		assert_int_equal(e->seq, (uint64_t)++n); /* numbers of its own */
	}
	assert_int_equal(n, 3);
	assert_int_equal(r.c.unacked, 0);
	ar_conn_free(&other);
	assert_int_equal(ar_events_unacked(), 0);
}

static void test_peer_that_does_not_read(void **state)
{
	static char big[200 * 1024];
	int rc = 0;

	(void)state;
	come_up();
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "{\"x\":\"", 6);
	memcpy(big + sizeof(big) - 3, "\"}", 2);
	for (int i = 0; i < 100 && rc == 0; i++) {
		rc = ar_conn_request(&r.c, 7, big);
		turn();
	}
	assert_int_equal(rc, -ENOBUFS);
	turns(2);
	assert_int_equal(r.c.phase, AR_CONN_DOWN);
}

static void test_request_too_long(void **state)
{
	static char big[AR_FRAME_MAX + 100];

	(void)state;
	assert_int_equal(ar_conn_request(&r.c, 7, "{\"a\":1}"), -ENOTCONN);
	come_up();
	memset(big, ' ', sizeof(big) - 1);
	big[0] = '{';
	assert_int_equal(ar_conn_request(&r.c, 7, big), -EMSGSIZE);
	assert_int_equal(ar_conn_request(&r.c, 7, "{\"a\":1}"), 0); /* and the link is not hurt */
	turns(2);
	json_decref(hear());
}

static void test_addresses(void **state)
{
	static const char *const good[] = {
		"unix:/run/x", "tcp:127.0.0.1:7", "tcp:host.example:65535", "tcp:[::1]:80"};
	static const char *const bad[] = {"", "unix:", "unix:rel", "tcp:", "tcp:h",
		"tcp:h:", "tcp::1", "tcp:h:0", "tcp:h:65536", "tcp:h:1x", "tcp:h:-1", "tcp:::1:80",
		"tcp:[::1]80", "tcp:[::1:80", "tcp:[]:80", "udp:h:1", "/run/x"};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(ar_conn_check(good[i]), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ar_conn_check(bad[i]), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	memcpy(longest, "unix:/", 6);
	assert_int_equal(ar_conn_check(longest), -EINVAL); /* sun_path */
}

/* ---- resync */

static void test_resync(void **state)
{
	struct ar_msg_key k = {.callid = AR_SPAN("c1"), .from_tag = AR_SPAN("a"), .cseq = 1};
	struct ar_resync sync = {0};
	json_t *j;

	(void)state;
	assert_int_equal(ar_calls_init(4, 100), 0);
	assert_int_equal(ar_calls_open(&k, ar_now_ms() + 99999, k.id), 0);
	come_up();
	ar_resync_run(&sync, &r.c, 1, r.now);
	turns(2);
	assert_null(hear()); /* nothing was lost */
	ar_conf.event_max = 0;
	assert_false(ar_event_push(0, "{\"n\":1}", true));
	ar_resync_run(&sync, &r.c, 1, r.now);
	turns(2);
	j = hear();
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "cmd")), "resync");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(j, "calls"), 0)), k.id);
	assert_true(json_is_false(json_object_get(j, "more")));
	json_decref(j);
	ar_resync_run(&sync, &r.c, 1, r.now + 5000);
	turns(2);
	assert_null(hear()); /* once */
	ar_calls_destroy();
}

/* ---- one command over a connection of its own */

static const char *ask_script; /* what the other end answers to hello, then to the command */

static void *ask_server(void *arg)
{
	const char *p = ask_script;
	int fd = -1;
	char chunk[4096];

	(void)arg;
	for (int i = 0; i < 200 && fd < 0; i++) {
		fd = accept(r.listen, NULL, NULL);
		usleep(5000);
	}
	for (; p && *p; p = strchr(p, '\n') + 1) {
		size_t n = (size_t)(strchr(p, '\n') - p);
		unsigned char head[4] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};

		if (recv(fd, chunk, sizeof(chunk), 0) <= 0)
			break;
		(void)!send(fd, head, 4, MSG_NOSIGNAL);
		(void)!send(fd, p, n, MSG_NOSIGNAL);
	}
	recv(fd, chunk, sizeof(chunk), 0);
	if (!ask_script) /* silent until the other gives up */
		recv(fd, chunk, sizeof(chunk), 0);
	close(fd);
	return NULL;
}

static int ask(const char *script, json_t **j)
{
	pthread_t t;
	int rc;

	ask_script = script;
	pthread_create(&t, NULL, ask_server, NULL);
	rc = ar_ask(r.address, "pcscf1", "status", NULL, 400, j);
	pthread_join(t, NULL);
	return rc;
}

static void test_ask(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(
		ask("{\"id\":1,\"ok\":true}\n{\"id\":2,\"ok\":true,\"items\":[]}\n", &j), 0);
	assert_true(json_is_array(json_object_get(j, "items")));
	json_decref(j);
	/* refused at hello: that is the answer */
	assert_int_equal(ask("{\"id\":1,\"ok\":false,\"reason\":\"no\"}\n", &j), 0);
	assert_string_equal(json_string_value(json_object_get(j, "reason")), "no");
	json_decref(j);
	assert_int_equal(ask("{\"id\":1,\"ok\":true}\n[]\n", &j), -EBADMSG);
	assert_null(j);
}

static void test_ask_in_time(void **state)
{
	int64_t start = ar_now_ms();
	json_t *j;

	(void)state;
	assert_int_equal(ask(NULL, &j), -ETIMEDOUT);
	assert_true(
		ar_now_ms() - start < 10000); /* 400 ms and what a busy machine adds; else never */
	close(r.listen);
	unlink(r.path);
	assert_true(ar_ask(r.address, "x", "status", NULL, 400, &j) < 0);
	open_listener();
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_hello),
		T(test_hello_refused),
		T(test_hello_unanswered),
		T(test_reconnects),
		T(test_nobody_there),
		T(test_ping),
		T(test_garbage),
		T(test_frame_before_hello_is_answered),
		T(test_frames_in_pieces),
		T(test_events_until_acknowledged),
		T(test_ack_of_what_was_not_sent),
		T(test_events_move_to_another),
		T(test_peer_that_does_not_read),
		T(test_request_too_long),
		T(test_addresses),
		T(test_resync),
		T(test_ask),
		T(test_ask_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
