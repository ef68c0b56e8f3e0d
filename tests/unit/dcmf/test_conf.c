/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mediad.conf: what ships is fine, mistakes are told with their place; UDP in batches. */
#include "common/daemon/ar_log.h"
#include "mediad/conf.h"
#include "mediad/worker/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int read_text(const char *text, struct mediad_conf *c, char *said, size_t cap)
{
	char path[] = "/tmp/mediad-conf-XXXXXX";
	int fd = mkstemp(path), rc;
	struct ar_buf err;

	ar_buf_init(&err, 4096);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	rc = mediad_conf_read(c, path, &err);
	snprintf(said, cap, "%.*s", (int)err.n, err.n ? err.p : "");
	unlink(path);
	ar_buf_free(&err);
	return rc;
}

static void shipped(void **state)
{
	struct mediad_conf c;
	struct ar_buf err;

	(void)state;
	ar_buf_init(&err, 4096);
	if (mediad_conf_read(&c, SRC_DIR "/etc/ims-ar/mediad.conf", &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	assert_int_equal(c.port, 40000);
	assert_string_equal(c.listen.item[0], "127.0.0.1:9910");
	assert_true(c.nworker >= 1);
	mediad_conf_free(&c);
	assert_int_equal(mediad_conf_read(&c, NULL, &err), 0);
	assert_int_equal(c.networks.n, 1);
	mediad_conf_free(&c);
	ar_buf_free(&err);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *said;
	} all[] = {{"[mediad]\nworkers = many\n", ":2: [mediad] workers = many"},
		{"[mediad]\nlog_level = loud\n", "log_level = loud"},
		{"[control]\nlisten = 9910\n", "listen = 9910: want address:port"},
		{"[control]\nlisten = ::1:9910\n", "want address:port"},
		{"[media]\nnetwork = here\n", "network = here: want name/address"},
		{"[media]\nnetwork = a/1.2.3.4\nnetwork = a/1.2.3.5\n", "already"},
		{"[media]\nport = 65535\n[mediad]\nworkers = 2\n", "need ports up to 65538"},
		{"[application]\nupdate_rate = 0\n", "want a number from 1 to 120"},
		{"[armf]\ntransports = dtls, srtp\n", "transports = dtls, srtp: want dtls"},
		{"[armf]\nprocesses = 17\n", "want a number from 0 to 16"},
		{"[nothing]\nx = 1\n", "no such setting"},
		{"[media]\nport = 1\nport = 2\n", "given twice"}};
	struct mediad_conf c;
	char said[512];

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (read_text(all[i].text, &c, said, sizeof(said)) == 0 ||
			!strstr(said, all[i].said))
			fail_msg("%s: '%s'", all[i].text, said);
	}
}

static void transports(void **state)
{
	struct mediad_conf c;
	char said[512];

	(void)state;
	assert_int_equal(read_text("", &c, said, sizeof(said)), 0);
	assert_int_equal(c.media_transports, 1u << PEER_DTLS_SRTP);
	mediad_conf_free(&c);
	assert_int_equal(
		read_text("[armf]\ntransports = rtp, SDES ,\n", &c, said, sizeof(said)), 0);
	assert_int_equal(c.media_transports, 1u << PEER_PLAIN_RTP | 1u << PEER_SDES_SRTP);
	mediad_conf_free(&c);
}

/* 0: the processor knows what it draws with. */
static void triangles(void **state)
{
	struct mediad_conf c;
	char said[512];

	(void)state;
	assert_int_equal(read_text("", &c, said, sizeof(said)), 0);
	assert_int_equal(c.max_triangles, 0);
	mediad_conf_free(&c);
	assert_int_equal(read_text("[armf]\nmax_triangles = 0\n", &c, said, sizeof(said)), 0);
	assert_int_equal(c.max_triangles, 0);
	mediad_conf_free(&c);
}

static void h264_encoder(void **state)
{
	struct mediad_conf c;
	char said[512];

	(void)state;
	assert_int_equal(read_text("", &c, said, sizeof(said)), 0);
	assert_string_equal(c.h264, "x264");
	mediad_conf_free(&c);
	assert_int_equal(read_text("[armf]\nh264 = openh264\n", &c, said, sizeof(said)), 0);
	assert_string_equal(c.h264, "openh264");
	mediad_conf_free(&c);
	assert_true(read_text("[armf]\nh264 = libde265\n", &c, said, sizeof(said)) < 0);
	assert_non_null(strstr(said, "h264 = libde265: want x264 or openh264"));
}

static void help_names_everything(void **state)
{
	static const char *const keys[] = {"workers", "listen", "network", "port", "scenes",
		"webapp", "update_rate", "own_rate", "idle_seconds", "lease_seconds", "pose_types"};
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	mediad_conf_help(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!strstr(text, keys[i]))
			fail_msg("%s is not in --help", keys[i]);
	}
	free(text);
}

/* ---- UDP ---- */

struct sink {
	unsigned n, turns;
	uint64_t bytes;
	uint32_t next;
	bool in_order;
};

static void on_input(void *arg, struct ar_span d, const struct peer_addr *from)
{
	struct sink *s = arg;
	uint32_t k;

	assert_int_equal(from->ss.ss_family, AF_INET);
	memcpy(&k, d.p, sizeof(k));
	s->in_order = s->in_order && k == s->next;
	s->next = k + 1;
	s->n++;
	s->bytes += d.n;
}

static void on_turn(void *arg)
{
	((struct sink *)arg)->turns++;
}

static int bound(struct peer_addr *at)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&at->ss;
	socklen_t n = sizeof(*a);
	struct peer_addr loopback;
	int fd;

	assert_int_equal(nets_addr_parse(&loopback, "127.0.0.1"), 0);
	fd = udp_bind(&loopback, 0);
	assert_true(fd >= 0);
	*at = (struct peer_addr){.len = sizeof(*a)};
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, &n), 0);
	return fd;
}

static void batches(void **state)
{
	struct event_base *base = event_base_new();
	struct sink a = {.in_order = true}, b = {.in_order = true};
	struct peer_addr at_a, at_b;
	struct udp *ua, *ub;
	char data[1200] = {0};

	(void)state;
	ar_log_set_level(AR_LOG_ERR);
	assert_int_equal(udp_new(&ua, base, bound(&at_a), on_input, on_turn, &a), 0);
	assert_int_equal(udp_new(&ub, base, bound(&at_b), on_input, on_turn, &b), 0);
	for (uint32_t i = 0; i < 150; i++) {
		memcpy(data, &i, sizeof(i));
		udp_send(ua, (struct ar_span){data, 100 + i}, &at_b);
	}
	assert_int_equal(udp_get_stats(ua)->tx, 128); /* two full batches; the rest with the turn */
	udp_flush(ua);
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(b.n, 150);
	assert_true(b.in_order && b.turns >= 3);
	assert_int_equal(udp_get_stats(ub)->rx_bytes, udp_get_stats(ua)->tx_bytes);
	udp_free(ua);
	udp_free(ub);
	event_base_free(base);
}

/* What cannot be sent is skipped and counted, and does not hold up what comes after it. */
static void unsendable(void **state)
{
	struct event_base *base = event_base_new();
	struct sink a = {.in_order = true}, b = {.in_order = true};
	struct peer_addr at_a, at_b, nowhere;
	struct udp *ua, *ub;
	char data[UDP_MAX + 1] = {0};
	uint32_t k = 0;

	(void)state;
	assert_int_equal(udp_new(&ua, base, bound(&at_a), on_input, on_turn, &a), 0);
	assert_int_equal(udp_new(&ub, base, bound(&at_b), on_input, on_turn, &b), 0);
	assert_int_equal(nets_addr_port_parse(&nowhere, "127.0.0.1:0"), 0);
	udp_send(ua, (struct ar_span){data, sizeof(data)}, &at_b); /* too long */
	udp_send(ua, (struct ar_span){data, 10}, &nowhere);
	memcpy(data, &k, sizeof(k));
	udp_send(ua, (struct ar_span){data, 10}, &at_b);
	udp_flush(ua);
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(udp_get_stats(ua)->tx_failed, 2);
	assert_int_equal(b.n, 1);
	udp_free(ua);
	udp_free(ub);
	event_base_free(base);
}

static void too_long_to_take(void **state)
{
	struct event_base *base = event_base_new();
	struct sink a = {.in_order = true};
	struct peer_addr at_a, at_b;
	struct udp *ua;
	char data[UDP_MAX + 100] = {0};
	int fd = bound(&at_b);

	(void)state;
	assert_int_equal(udp_new(&ua, base, bound(&at_a), on_input, on_turn, &a), 0);
	assert_int_equal(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&at_a.ss, at_a.len),
		sizeof(data));
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(a.n, 0);
	assert_int_equal(udp_get_stats(ua)->rx_too_long, 1);
	assert_int_equal(udp_bind(&at_a, nets_port(&at_a.ss)), -EADDRINUSE);
	close(fd);
	udp_free(ua);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(transports),
		cmocka_unit_test(triangles),
		cmocka_unit_test(h264_encoder),
		cmocka_unit_test(help_names_everything),
		cmocka_unit_test(batches),
		cmocka_unit_test(unsendable),
		cmocka_unit_test(too_long_to_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
