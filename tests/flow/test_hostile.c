/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strangers, liars and noise: counted, bounded, and without effect on the call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/flow.h"
#include "common/daemon/ar_clock.h"
#include "mediad/ice/stun_msg.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/vclock.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static const struct peer_channel scene[] = {
	{.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1}};

static struct flow *make(uint64_t seed)
{
	struct flow_conf conf = {
		.link = {.delay = 10 * FLOW_MS}, .seed = seed, .channel = scene, .nchannel = 1};

	return flow_new(&conf);
}

static struct flow *connected(uint64_t seed)
{
	struct flow *f = make(seed);

	assert_true(flow_connect(f, 5 * FLOW_SEC));
	f->server.echo = true;
	return f;
}

static void echo_works(struct flow *f, size_t n)
{
	assert_int_equal(flow_send(&f->ue, 1000, PEER_TEXT, n), 0);
	assert_true(flow_until(f, &f->ue.nmessage, f->ue.nmessage + 1, 10 * FLOW_SEC));
	assert_true(flow_is_pattern(&f->ue, n));
}

static void test_wrong_fingerprint(void **state)
{
	(void)state;
	for (unsigned role = 0; role < 2; role++) {
		struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
			.server_active = role == 1,
			.wrong_print = true,
			.channel = scene,
			.nchannel = 1};
		struct flow *f = flow_new(&conf);
		struct peer_stats st;

		assert_true(flow_until_state(f, &f->server, PEER_CLOSED, 5 * FLOW_SEC));
		assert_string_equal(f->server.reason, "certificate does not match a=fingerprint");
		assert_int_equal(f->server.nchannel, 0);
		peer_get_stats(f->server.peer, &st);
		assert_true(st.dtls_bad > 0);
		flow_free(f);
	}
}

static void test_wrong_fingerprint_known_late(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.no_answer = true,
		.wrong_print = true,
		.channel = scene,
		.nchannel = 1};
	struct flow *f = flow_new(&conf);

	(void)state;
	flow_run(f, FLOW_SEC); /* the handshake is over by now, on the wire */
	assert_int_equal(f->server.nchannel, 0);
	flow_answer(f);
	assert_int_equal(f->server.state, PEER_CLOSED);
	assert_string_equal(f->server.reason, "certificate does not match a=fingerprint");
	assert_int_equal(f->server.nmessage, 0);
	flow_free(f);
}

static void from_server_side(
	struct flow *f, const char *bytes, size_t n, const struct peer_addr *from)
{
	char *exact = malloc(n ? n : 1); /* a sanitizer sees an overread */

	assert_non_null(exact);
	memcpy(exact, bytes, n);
	transport_input(f->server.t, (struct ar_span){exact, n}, from, vclock_now());
	free(exact);
}

static void test_garbage(void **state)
{
	struct flow *f = connected(1);
	struct peer_addr stranger;
	struct transport_stats a, b;
	char junk[1300];

	(void)state;
	assert_int_equal(peer_addr_parse(&stranger, "10.6.6.6", 666), 0);
	transport_get_stats(f->server.t, &a);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = sim_random(f->sim, i % 4 ? 60 : sizeof(junk));

		for (size_t k = 0; k < n; k++)
			junk[k] = (char)sim_random(f->sim, 256);
		/* from a stranger, and with the UE's own source address */
		from_server_side(f, junk, n, i & 1 ? &stranger : &f->ue.node->addr);
		if (n && i % 8 == 0) {
			junk[0] = (char)(20 + sim_random(f->sim, 8));
			from_server_side(f, junk, n, &f->ue.node->addr);
		}
	}
	transport_get_stats(f->server.t, &b);
	assert_true(b.garbage > a.garbage && b.no_peer > a.no_peer);
	assert_int_equal(f->server.state, PEER_CONNECTED);
	echo_works(f, 100);
	flow_free(f);
}

struct recorder {
	char data[64][1300];
	size_t n[64];
	unsigned count;
	const struct sim_node *whose;
};

static bool record(void *arg, const struct sim_node *from, struct ar_span d)
{
	struct recorder *r = arg;

	if (from == r->whose && r->count < 64) {
		memcpy(r->data[r->count], d.p, d.n);
		r->n[r->count++] = d.n;
	}
	return true;
}

/* Everything the UE sent, once more, as it was and with one bit wrong. */
static void test_replayed_and_damaged(void **state)
{
	struct flow *f = make(2);
	static struct recorder r;
	struct peer_stats st;

	(void)state;
	r = (struct recorder){.whose = f->ue.node};
	sim_on_datagram(f->sim, record, &r);
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	f->server.echo = true;
	for (unsigned i = 0; i < 10; i++)
		echo_works(f, 50 + i);
	assert_true(r.count > 10);
	for (unsigned i = 0; i < r.count; i++) {
		from_server_side(f, r.data[i], r.n[i], &f->ue.node->addr);
		for (unsigned k = 0; k < 50; k++) {
			size_t at = sim_random(f->sim, (uint32_t)r.n[i]);
			char bit = (char)(1 << sim_random(f->sim, 8));

			r.data[i][at] ^= bit;
			from_server_side(f, r.data[i], r.n[i], &f->ue.node->addr);
			r.data[i][at] ^= bit;
		}
	}
	flow_run(f, FLOW_SEC);
	assert_int_equal(f->server.state, PEER_CONNECTED);
	assert_int_equal(f->server.nmessage, 10);
	peer_get_stats(f->server.peer, &st);
	assert_true(st.dtls_bad > 100 && st.stun_bad > 10);
	echo_works(f, 200);
	flow_free(f);
}

static struct {
	size_t in, out;
} traffic;

static bool weigh(void *arg, const struct sim_node *from, struct ar_span d)
{
	if (from == arg)
		traffic.out += d.n;
	return true;
}

static int check_of(
	char *buf, const char *user, const char *remote, const char *pwd, bool controlled)
{
	static const uint8_t id[STUN_ID_LEN] = "transaction";
	struct stun_writer w;
	struct stun_key *k = NULL;
	int n;

	stun_begin(&w, (uint8_t *)buf, 512, STUN_REQUEST, id);
	if (user)
		stun_add_username(&w, ar_span_str(user), ar_span_str(remote));
	stun_add_priority(&w, 1);
	stun_add_role(&w, !controlled, 1);
	if (pwd)
		assert_int_equal(stun_key_new(&k, ar_span_str(pwd)), 0);
	n = stun_finish(&w, k);
	stun_key_free(k);
	assert_true(n > 0);
	return n;
}

/* Nothing larger goes out than came in, and no state, before integrity is verified. */
static void test_no_amplification(void **state)
{
	struct flow *f = make(3);
	struct peer_addr victim;
	struct peer_stats st;
	char buf[512];
	int n;

	(void)state;
	assert_int_equal(peer_addr_parse(&victim, "10.9.9.9", 53), 0);
	sim_on_datagram(f->sim, weigh, f->server.node);
	traffic.out = traffic.in = 0;
	for (unsigned i = 0; i < 200; i++) {
		n = check_of(buf, peer_ufrag(f->server.peer), "abcd",
			i & 1 ? "wrong password" : NULL, false);
		traffic.in += (size_t)n;
		from_server_side(f, buf, (size_t)n, &victim);
	}
	assert_true(traffic.out <= traffic.in);
	peer_get_stats(f->server.peer, &st);
	assert_true(st.stun_bad >= 100 && st.stun_ok == 0);
	assert_int_equal(f->server.state, PEER_CHECKING);
	/* and the source is not looked at any more, for a while */
	struct transport_stats ts;

	transport_get_stats(f->server.t, &ts);
	assert_true(ts.rate_limited > 0);
	n = check_of(buf, peer_ufrag(f->server.peer), dc_client_ufrag(f->ue.client),
		peer_pwd(f->server.peer), false);
	from_server_side(f, buf, (size_t)n, &victim);
	peer_get_stats(f->server.peer, &st);
	assert_int_equal(st.stun_ok, 0);
	vclock_set(vclock_now() + 10 * FLOW_SEC);
	from_server_side(f, buf, (size_t)n, &victim);
	peer_get_stats(f->server.peer, &st);
	assert_int_equal(st.stun_ok, 1);
	/* DTLS from an address that has not checked: not one byte back */
	assert_int_equal(peer_addr_parse(&victim, "10.9.9.8", 53), 0);
	traffic.out = 0;
	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x10", 13);
	from_server_side(f, buf, 100, &victim);
	assert_int_equal(traffic.out, 0);
	flow_free(f);
}

static char last_out[1300];
static size_t nlast_out;

static bool keep_last(void *arg, const struct sim_node *from, struct ar_span d)
{
	if (from == arg) {
		memcpy(last_out, d.p, d.n);
		nlast_out = d.n;
	}
	return true;
}

static unsigned error_for(struct flow *f, int n, const char *buf, unsigned port)
{
	struct peer_addr from;
	struct stun_msg m;

	nlast_out = 0;
	assert_int_equal(peer_addr_parse(&from, "10.5.5.5", (uint16_t)port), 0);
	from_server_side(f, buf, (size_t)n, &from);
	if (!nlast_out)
		return 0;
	assert_int_equal(stun_parse(&m, (struct ar_span){last_out, nlast_out}), 0);
	return m.cls == STUN_FAILURE ? m.error : 200;
}

static void test_stun_errors(void **state)
{
	struct flow *f = make(4);
	const char *ufrag = peer_ufrag(f->server.peer), *pwd = peer_pwd(f->server.peer);
	const char *remote = dc_client_ufrag(f->ue.client);
	char buf[512];

	(void)state;
	sim_on_datagram(f->sim, keep_last, f->server.node);
	assert_int_equal(error_for(f, check_of(buf, ufrag, remote, pwd, false), buf, 1), 200);
	assert_int_equal(
		error_for(f, check_of(buf, ufrag, remote, pwd, true), buf, 2), STUN_ROLE_CONFLICT);
	assert_int_equal(error_for(f, check_of(buf, ufrag, remote, "nonsense", false), buf, 3),
		STUN_UNAUTHENTICATED);
	assert_int_equal(error_for(f, check_of(buf, ufrag, "other", pwd, false), buf, 4),
		STUN_UNAUTHENTICATED);
	assert_int_equal(
		error_for(f, check_of(buf, ufrag, remote, NULL, false), buf, 5), STUN_BAD_REQUEST);
	assert_int_equal(error_for(f, check_of(buf, "nobody", remote, pwd, false), buf, 6), 0);
	flow_free(f);
}

/* Early datagrams are held, but not without end. */
static void test_early_flood(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_answer = true};
	struct flow *f = flow_new(&conf);
	struct peer_addr other;
	struct peer_stats st;
	char buf[512], hello[100] = {0};
	int n;

	(void)state;
	flow_run(f, 200 * FLOW_MS);
	assert_int_equal(peer_addr_parse(&other, "10.5.5.5", 1), 0);
	n = check_of(buf, peer_ufrag(f->server.peer), "fork", peer_pwd(f->server.peer), false);
	from_server_side(f, buf, (size_t)n, &other);
	memcpy(hello, "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x10", 13);
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(hello + 50, &i, sizeof(i)); /* one that came twice would be kept once */
		from_server_side(f, hello, sizeof(hello), &other);
	}
	peer_get_stats(f->server.peer, &st);
	assert_true(st.early_held <= PEER_MAX_EARLY);
	assert_true(st.early_dropped > 900);
	flow_answer(f);
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	flow_free(f);
}

/* A UE whose description says ICE-lite is heard at that address only, after a cookie. */
static void test_without_ice_nothing_is_sent_before_the_cookie(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_ice = true, .seed = 5};
	struct flow *f = flow_new(&conf);
	static struct recorder r;
	struct peer_addr other;
	struct transport_stats a, b;
	size_t in = 0;

	(void)state;
	r = (struct recorder){.whose = f->ue.node};
	sim_on_datagram(f->sim, record, &r);
	assert_true(flow_until_state(f, &f->server, PEER_CONNECTED, 5 * FLOW_SEC));
	assert_true(r.count > 0 && r.n[0] > 13);
	flow_free(f);

	/* the same ClientHello again and again, as if its source were spoofed */
	f = flow_new(&conf);
	f->ue.node->deaf = true;
	sim_on_datagram(f->sim, weigh, f->server.node);
	traffic.out = 0;
	flow_run(f, 100 * FLOW_MS);
	for (unsigned i = 0; i < 50; i++) {
		in += r.n[0];
		from_server_side(f, r.data[0], r.n[0], &f->ue.node->addr);
		flow_run(f, 100 * FLOW_MS);
	}
	assert_true(traffic.out <= in);
	/* a hello with a cookie that we never made does not end it either */
	r.data[0][59 + 1] = 20;
	from_server_side(f, r.data[0], r.n[0], &f->ue.node->addr);
	assert_int_not_equal(f->server.state, PEER_CLOSED);
	/* and another address with the same is not the UE */
	assert_int_equal(peer_addr_parse(&other, "10.0.0.2", 5001), 0);
	transport_get_stats(f->server.t, &a);
	from_server_side(f, r.data[0], r.n[0], &other);
	transport_get_stats(f->server.t, &b);
	assert_int_equal(b.no_peer, a.no_peer + 1);
	flow_free(f);
}

static void test_client_towards_an_unverified_address_is_slow(void **state)
{
	struct flow_conf conf = {
		.link = {.delay = 10 * FLOW_MS}, .no_ice = true, .server_active = true, .seed = 6};
	struct flow *f = flow_new(&conf);

	(void)state;
	f->ue.node->deaf = true;
	assert_true(flow_until_state(f, &f->server, PEER_CLOSED, 60 * FLOW_SEC));
	printf("ClientHellos to a silent address: %u, %u bytes\n", (unsigned)f->server.node->sent,
		(unsigned)f->server.node->sent_bytes);
	assert_in_range(f->server.node->sent, 3, 10);
	flow_free(f);
}

static void test_two_without_ice_at_one_address(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_ice = true, .seed = 7};
	struct flow *f = flow_new(&conf);
	struct peer_handlers h = {0};
	struct peer_conf pc = {0};
	struct peer_remote r = {.ice_lite = true,
		.fingerprint = {ar_span_str(transport_fingerprint(f->ue.t))},
		.nfingerprint = 1,
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000,
		.addr = f->ue.node->addr};
	const char *why = "";
	struct peer *p;

	(void)state;
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	assert_int_equal(peer_new(&p, f->server.t, &pc, &h, NULL, vclock_now()), 0);
	assert_int_equal(peer_set_remote(p, &r, vclock_now(), &why), -EINVAL);
	assert_string_equal(why, "another peer is at this address");
	assert_int_equal(peer_state(p), PEER_WAITING);
	peer_free(p);
	flow_free(f);
}

static void send_nowhere(void *arg, struct ar_span d, const struct peer_addr *to)
{
	(void)arg;
	(void)d;
	(void)to;
}

/* A UE with good credentials of its own may not take over the address of another by spoofing. */
static void test_address_is_not_stolen(void **state)
{
	struct flow *f = connected(8);
	struct peer_handlers h = {0};
	struct peer_conf pc = {0};
	struct peer *thief;
	char buf[512];
	int n;

	(void)state;
	h.send = send_nowhere;
	assert_int_equal(peer_new(&thief, f->server.t, &pc, &h, NULL, vclock_now()), 0);
	n = check_of(buf, peer_ufrag(thief), "thief", peer_pwd(thief), false);
	for (unsigned i = 0; i < 20; i++) {
		from_server_side(f, buf, (size_t)n, &f->ue.node->addr);
		echo_works(f, 10 + i);
		flow_run(f, FLOW_SEC);
	}
	peer_free(thief);
	flow_free(f);
}

static void test_bad_descriptions(void **state)
{
	struct flow_conf conf = {.link = {.delay = FLOW_MS}, .no_answer = true};
	struct flow *f = flow_new(&conf);
	const struct peer_remote good = {.ufrag = AR_SPAN("abcd"),
		.pwd = AR_SPAN("0123456789012345678901"),
		.fingerprint = {ar_span_str(transport_fingerprint(f->ue.t))},
		.nfingerprint = 1,
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000};
	struct peer_remote bad[7];
	const char *why;

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].nfingerprint = 0;
	bad[1].fingerprint[0] = AR_SPAN("md5 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff");
	bad[2].fingerprint[0] = AR_SPAN("sha-256 00:11");
	bad[3].setup = AR_SETUP_ACTPASS;
	bad[4].sctp_port = 0;
	bad[5].ufrag = AR_SPAN("abc");
	bad[6].ice_lite = true;
	for (unsigned i = 0; i < 7; i++) {
		why = NULL;
		assert_int_equal(
			peer_set_remote(f->server.peer, &bad[i], vclock_now(), &why), -EINVAL);
		assert_non_null(why);
		assert_int_equal(f->server.state, PEER_WAITING);
	}
	flow_answer(f);
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_fingerprint),
		cmocka_unit_test(test_wrong_fingerprint_known_late),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_replayed_and_damaged),
		cmocka_unit_test(test_no_amplification),
		cmocka_unit_test(test_stun_errors),
		cmocka_unit_test(test_early_flood),
		cmocka_unit_test(test_without_ice_nothing_is_sent_before_the_cookie),
		cmocka_unit_test(test_client_towards_an_unverified_address_is_slow),
		cmocka_unit_test(test_two_without_ice_at_one_address),
		cmocka_unit_test(test_address_is_not_stolen),
		cmocka_unit_test(test_bad_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
