/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media peers: who may send RTP, from where, and what comes of everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/sim.h"
#include "tests/lib/vclock.h"
#include "mediad/net/demux.h"
#include "mediad/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define SEC 1000000ull

struct end { /* the server, or a UE whose peer needs no checks of its own */
	struct sim_node *node;
	struct transport *t;
	struct peer *peer;
	enum peer_state state;
	char reason[128];
	unsigned rtp, rtcp;
	uint8_t last[200];
	size_t nlast;
	struct peer_addr sent_to;
};

static struct sim *sim;
static struct end us, ue;

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct end *e = arg;

	e->sent_to = *to;
	sim_send(sim, e->node, d, to);
}

static void on_state(void *arg, enum peer_state state, const char *reason)
{
	struct end *e = arg;

	e->state = state;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
}

static void on_rtp(void *arg, uint8_t *p, size_t n, bool rtcp)
{
	struct end *e = arg;

	e->rtp += !rtcp;
	e->rtcp += rtcp;
	e->nlast = n < sizeof(e->last) ? n : sizeof(e->last);
	memcpy(e->last, p, e->nlast);
}

static void node_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	struct end *e = arg;

	transport_input(e->t, d, from, now);
}

static uint64_t node_timeout(void *arg)
{
	return transport_next_timeout(((struct end *)arg)->t);
}

static void node_timer(void *arg, uint64_t now)
{
	transport_on_timer(((struct end *)arg)->t, now);
}

static void make(struct end *e, const char *host, uint16_t port, enum peer_media media)
{
	static const struct peer_handlers h = {
		.send = on_send, .on_state = on_state, .on_rtp = on_rtp};
	struct transport_conf tc = {.max_peers = 8};
	struct peer_conf pc = {.media = media, .setup = AR_SETUP_ACTPASS, .log_call = "m@test"};

	*e = (struct end){.node = sim_add(sim, host, port)};
	assert_int_equal(transport_new(&e->t, &tc), 0);
	e->node->arg = e;
	e->node->input = node_input;
	e->node->next_timeout = node_timeout;
	e->node->on_timer = node_timer;
	assert_int_equal(peer_new(&e->peer, e->t, &pc, &h, e, vclock_now()), 0);
}

static void begin(enum peer_media media)
{
	struct sim_link link = {.delay = 10000};

	sim = sim_new(1, &link);
	make(&us, "10.0.0.1", 9000, media);
	make(&ue, "10.0.0.2", 5000, media);
}

static void end(void)
{
	peer_free(us.peer);
	peer_free(ue.peer);
	transport_free(us.t);
	transport_free(ue.t);
	sim_free(sim);
}

static void run(uint64_t us_)
{
	sim_run(sim, us_, NULL, NULL);
}

static size_t make_rtp(uint8_t *d, uint16_t seq)
{
	memset(d, 0x55, 100);
	d[0] = 0x80;
	d[1] = 96;
	d[2] = (uint8_t)(seq >> 8);
	d[3] = (uint8_t)seq;
	return 100;
}

static int send_rtp(struct end *e, uint16_t seq)
{
	uint8_t d[200];
	size_t n = make_rtp(d, seq);

	return peer_send_rtp(e->peer, d, n, sizeof(d), false);
}

static void know(struct end *e, const struct end *other, const char *print, enum ar_setup setup,
	const struct peer_keys *keys)
{
	const char *why = "";
	struct peer_remote r = {.ice_lite = true, /* no checks: the address alone */
		.addr_verified = false,
		.setup = setup,
		.keys = keys,
		.addr = other->node->addr};

	if (print) {
		r.fingerprint[0] = ar_span_str(print);
		r.nfingerprint = 1;
	}
	if (peer_set_remote(e->peer, &r, vclock_now(), &why) != 0)
		fail_msg("%s", why);
}

/* ---- DTLS-SRTP ---- */

static void dtls(bool server_first)
{
	begin(PEER_DTLS_SRTP);
	if (server_first)
		know(&us, &ue, transport_fingerprint(ue.t), AR_SETUP_PASSIVE, NULL);
	know(&ue, &us, transport_fingerprint(us.t), AR_SETUP_ACTIVE, NULL);
	if (!server_first)
		know(&us, &ue, transport_fingerprint(ue.t), AR_SETUP_PASSIVE, NULL);
	run(3 * SEC);
	assert_int_equal(us.state, PEER_CONNECTED);
	assert_int_equal(ue.state, PEER_CONNECTED);
}

static void keys_come_from_dtls(void **s)
{
	struct peer_stats st;
	uint8_t d[200];

	(void)s;
	dtls(true);
	for (uint16_t i = 0; i < 50; i++) {
		assert_int_equal(send_rtp(&ue, i), 0);
		assert_int_equal(send_rtp(&us, i), 0);
	}
	memset(d, 0, sizeof(d));
	d[0] = 0x80;
	d[1] = 201;
	d[3] = 1;
	assert_int_equal(peer_send_rtp(ue.peer, d, 8, sizeof(d), true), 0);
	run(SEC);
	assert_int_equal(us.rtp, 50);
	assert_int_equal(ue.rtp, 50);
	assert_int_equal(us.rtcp, 1);
	assert_int_equal(us.nlast, 8);
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.srtp_bad, 0);
	assert_true(st.at.dtls > 0 && st.at.sctp == 0);
	end();
}

static void nothing_passes_before_the_fingerprint(void **s)
{
	struct peer_stats st;

	(void)s;
	begin(PEER_DTLS_SRTP);
	know(&ue, &us, transport_fingerprint(us.t), AR_SETUP_ACTIVE, NULL);
	know(&us, &ue, transport_fingerprint(us.t), AR_SETUP_PASSIVE, NULL); /* not the UE's */
	run(3 * SEC);
	assert_int_not_equal(us.state, PEER_CONNECTED);
	(void)send_rtp(&ue, 1);
	assert_int_equal(send_rtp(&us, 1), -ENOTCONN);
	run(SEC);
	assert_int_equal(us.rtp, 0);
	peer_get_stats(us.peer, &st);
	assert_true(st.dtls_bad > 0);
	end();
}

static struct {
	uint8_t d[300];
	size_t n;
} caught;

static bool catch_rtp(void *arg, const struct sim_node *from, struct ar_span d)
{
	(void)arg;
	if (from == ue.node && demux_classify(d) == DEMUX_RTP && d.n <= sizeof(caught.d)) {
		memcpy(caught.d, d.p, d.n);
		caught.n = d.n;
	}
	return true;
}

static void replays_and_forgeries_are_counted(void **s)
{
	struct transport_stats ts;
	struct peer_stats st;
	struct sim_node *stranger;

	(void)s;
	dtls(true);
	sim_on_datagram(sim, catch_rtp, NULL);
	assert_int_equal(send_rtp(&ue, 1), 0);
	run(SEC);
	assert_int_equal(us.rtp, 1);
	sim_on_datagram(sim, NULL, NULL);
	for (unsigned i = 0; i < 5; i++)
		sim_send(
			sim, ue.node, (struct ar_span){(char *)caught.d, caught.n}, &us.node->addr);
	run(SEC);
	caught.d[50] ^= 1;
	caught.d[3] ^= 0x40;
	for (unsigned i = 0; i < 5; i++)
		sim_send(
			sim, ue.node, (struct ar_span){(char *)caught.d, caught.n}, &us.node->addr);
	/* from another address it is nobody's */
	stranger = sim_add(sim, "10.0.0.9", 5000);
	sim_send(sim, stranger, (struct ar_span){(char *)caught.d, caught.n}, &us.node->addr);
	run(SEC);
	assert_int_equal(us.rtp, 1);
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.srtp_replayed, 5);
	assert_int_equal(st.srtp_bad, 5);
	transport_get_stats(us.t, &ts);
	assert_int_equal(ts.srtp_replayed, 5);
	assert_int_equal(ts.srtp_bad, 5);
	assert_true(ts.no_peer >= 1);
	assert_int_equal(us.state, PEER_CONNECTED);
	end();
}

/* ---- SDES ---- */

static const struct peer_keys key_ue = {.profile = RTPSEC_AES128_CM_SHA1_80, .tx = {1}, .rx = {2}};
static const struct peer_keys key_us = {.profile = RTPSEC_AES128_CM_SHA1_80, .tx = {2}, .rx = {1}};

static void keys_of_the_description(void **s)
{
	struct peer_stats st;
	struct peer_keys other = key_ue;

	(void)s;
	begin(PEER_SDES_SRTP);
	know(&us, &ue, NULL, AR_SETUP_PASSIVE, &key_us);
	know(&ue, &us, NULL, AR_SETUP_PASSIVE, &key_ue);
	assert_int_equal(us.state, PEER_CONNECTED);
	for (uint16_t i = 0; i < 20; i++) {
		assert_int_equal(send_rtp(&ue, i), 0);
		assert_int_equal(send_rtp(&us, i), 0);
	}
	run(SEC);
	assert_int_equal(us.rtp, 20);
	assert_int_equal(ue.rtp, 20);
	/* a re-INVITE with the same keys keeps the streams going, one with others does not */
	know(&us, &ue, NULL, AR_SETUP_PASSIVE, &key_us);
	assert_int_equal(send_rtp(&ue, 20), 0);
	run(SEC);
	assert_int_equal(us.rtp, 21);
	other.tx[0] = 77;
	know(&ue, &us, NULL, AR_SETUP_PASSIVE, &other);
	/* only its own key is another: what it has had from us it does not take again */
	assert_int_equal(send_rtp(&us, 5), 0);
	run(SEC);
	assert_int_equal(ue.rtp, 20);
	assert_int_equal(send_rtp(&ue, 21), 0);
	run(SEC);
	assert_int_equal(us.rtp, 21);
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.srtp_bad, 1);
	end();
}

static void without_keys_there_is_none(void **s)
{
	struct peer_remote r = {.ice_lite = true};
	const char *why = "";

	(void)s;
	begin(PEER_SDES_SRTP);
	r.addr = ue.node->addr;
	assert_int_equal(peer_set_remote(us.peer, &r, vclock_now(), &why), -EINVAL);
	assert_string_equal(why, "no usable a=crypto");
	end();
}

/* ---- addresses ---- */

/* The UE is behind a NAT: its packets come from elsewhere, and prove whose they are. */
static void srtp_corrects_the_address(void **s)
{
	struct peer_stats st;
	struct end stranger;

	(void)s;
	begin(PEER_SDES_SRTP);
	know(&us, &ue, NULL, AR_SETUP_PASSIVE, &key_us);
	know(&ue, &us, NULL, AR_SETUP_PASSIVE, &key_ue);
	make(&stranger, "198.51.100.9", 1234, PEER_SDES_SRTP);
	know(&stranger, &us, NULL, AR_SETUP_PASSIVE, &key_us); /* keys, but not the UE's */
	for (uint16_t i = 0; i < 200; i++)
		assert_int_equal(send_rtp(&stranger, i), 0);
	run(SEC);
	assert_int_equal(us.rtp, 0);
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.latched, 0);
	peer_free(stranger.peer);
	transport_free(stranger.t);
	sim_remove(sim, stranger.node);
	peer_free(ue.peer);
	transport_free(ue.t);
	sim_remove(sim, ue.node);
	make(&ue, "203.0.113.5", 6000, PEER_SDES_SRTP);
	know(&ue, &us, NULL, AR_SETUP_PASSIVE, &key_ue);
	for (uint16_t i = 0; i < 10; i++)
		assert_int_equal(send_rtp(&ue, i), 0);
	run(SEC);
	assert_int_equal(us.rtp, 9); /* the first one showed where it is */
	assert_int_equal(send_rtp(&us, 1), 0);
	run(SEC);
	assert_int_equal(ue.rtp, 1);
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.latched, 1);
	end();
}

static void plain_rtp_only_from_the_same_host(void **s)
{
	struct sim_node *other, *same;
	struct peer_stats st;
	uint8_t d[100];
	size_t n = make_rtp(d, 1);

	(void)s;
	begin(PEER_PLAIN_RTP);
	know(&us, &ue, NULL, AR_SETUP_PASSIVE, NULL);
	other = sim_add(sim, "10.0.0.7", 5000);
	same = sim_add(sim, "10.0.0.2", 5002);
	sim_send(sim, other, (struct ar_span){(char *)d, n}, &us.node->addr);
	run(SEC);
	assert_int_equal(us.rtp, 0);
	sim_send(sim, same, (struct ar_span){(char *)d, n}, &us.node->addr);
	run(SEC / 2);
	assert_int_equal(us.rtp, 1);
	assert_int_equal(send_rtp(&us, 1), 0);
	assert_memory_equal(&us.sent_to.ss, &same->addr.ss, sizeof(struct sockaddr_in));
	/* as long as it speaks nobody takes its place */
	sim_send(sim, ue.node, (struct ar_span){(char *)d, n}, &us.node->addr);
	run(SEC / 2);
	assert_int_equal(us.rtp, 1);
	run(3 * SEC);
	sim_send(sim, ue.node, (struct ar_span){(char *)d, n}, &us.node->addr);
	run(SEC);
	assert_int_equal(us.rtp, 2);
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.latched, 2);
	/* on hold: silence for longer than any consent */
	run(100 * SEC);
	assert_int_equal(us.state, PEER_CONNECTED);
	end();
}

static void send_report(struct sim_node *from)
{
	const uint8_t d[8] = {0x80, 201, 0, 1, 0, 0, 0, 7};

	sim_send(sim, from, (struct ar_span){(const char *)d, sizeof(d)}, &us.node->addr);
	run(SEC / 10);
}

static void know_rtcp(uint16_t port)
{
	const char *why = "";
	struct peer_remote r = {.ice_lite = true, .addr = ue.node->addr, .rtcp_port = port};

	if (peer_set_remote(us.peer, &r, vclock_now(), &why) != 0)
		fail_msg("%s", why);
}

static void report_goes_to(const struct sim_node *to)
{
	uint8_t d[200] = {0x80, 201, 0, 1};

	assert_int_equal(peer_send_rtp(us.peer, d, 8, sizeof(d), true), 0);
	assert_memory_equal(&us.sent_to.ss, &to->addr.ss, sizeof(struct sockaddr_in));
}

/* RFC 3605: a UE that does not multiplex; what is about RTCP does not touch the RTP. */
static void rtcp_has_its_own_port(void **s)
{
	struct sim_node *rtcp, *nat, *other;
	struct peer_stats st;
	uint8_t d[100];

	(void)s;
	begin(PEER_PLAIN_RTP);
	rtcp = sim_add(sim, "10.0.0.2", 5001);
	nat = sim_add(sim, "10.0.0.2", 6001);
	other = sim_add(sim, "10.0.0.7", 5001);
	know_rtcp(5001);
	send_report(rtcp);
	assert_int_equal(us.rtcp, 1);
	report_goes_to(rtcp);
	assert_int_equal(send_rtp(&us, 1), 0);
	assert_memory_equal(&us.sent_to.ss, &ue.node->addr.ss, sizeof(struct sockaddr_in));
	sim_send(sim, rtcp, (struct ar_span){(char *)d, make_rtp(d, 1)}, &us.node->addr);
	send_report(other);
	assert_int_equal(us.rtp, 0); /* no RTP from there, nothing from elsewhere */
	assert_int_equal(us.rtcp, 1);
	sim_send(sim, ue.node, (struct ar_span){(char *)d, make_rtp(d, 2)}, &us.node->addr);
	send_report(nat);
	assert_int_equal(us.rtp, 1);
	assert_int_equal(us.rtcp, 2);
	know_rtcp(5001); /* the same again: what it has been corrected to stays */
	report_goes_to(nat);
	assert_int_equal(send_rtp(&us, 2), 0);
	assert_memory_equal(&us.sent_to.ss, &ue.node->addr.ss, sizeof(struct sockaddr_in));
	peer_get_stats(us.peer, &st);
	assert_int_equal(st.latched, 1);
	know_rtcp(0); /* and a later description multiplexes */
	report_goes_to(ue.node);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_from_dtls),
		cmocka_unit_test(nothing_passes_before_the_fingerprint),
		cmocka_unit_test(replays_and_forgeries_are_counted),
		cmocka_unit_test(keys_of_the_description),
		cmocka_unit_test(without_keys_there_is_none),
		cmocka_unit_test(srtp_corrects_the_address),
		cmocka_unit_test(plain_rtp_only_from_the_same_host),
		cmocka_unit_test(rtcp_has_its_own_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
