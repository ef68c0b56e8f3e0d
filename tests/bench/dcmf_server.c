/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server that dcmf_table.py measures: the transport and the socket of mediad's workers, with an
 * echo in place of the DCMF. JSON lines on standard input, answers on standard output; ends with
 * its input.
 *
 *   {"ufrag":"..","pwd":"..","fingerprint":"..","id":1000}     a peer with this channel
 *   {"bulk":N}      N bytes to every peer, in messages of 64 KiB
 */
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "mediad/transport.h"
#include "mediad/worker/udp.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_PEERS 4096
#define BULK_MESSAGE 65536
#define BULK_AHEAD (512 * 1024)

struct echo {
	struct peer *peer;
	uint64_t bulk;
	uint16_t id;
};

static struct event_base *base;
static struct event *timer;
static struct udp *udp;
static struct transport *transport;
static struct echo echo[MAX_PEERS];
static unsigned npeers;
static uint16_t port;

static void die(const char *what)
{
	fprintf(stderr, "dcmf_server: %s\n", what);
	exit(2);
}

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	(void)arg;
	udp_send(udp, d, to);
}

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg;
	if (s == PEER_CLOSED)
		die(reason);
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	((struct echo *)arg)->id = ch->id;
}

static void on_channel_closed(void *arg, uint16_t id)
{
	(void)arg, (void)id;
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	if (peer_send(((struct echo *)arg)->peer, id, kind, data) != 0)
		die("an echo was refused");
}

static void pump(void *arg)
{
	static char block[BULK_MESSAGE];
	struct echo *e = arg;

	while (e->bulk && peer_buffered(e->peer) < BULK_AHEAD) {
		size_t n = e->bulk < sizeof(block) ? e->bulk : sizeof(block);

		if (peer_send(e->peer, e->id, PEER_BINARY, (struct ar_span){block, n}) != 0)
			return;
		e->bulk -= n;
	}
}

static const struct peer_handlers handlers = {
	on_send, on_state, on_channel, on_channel_closed, on_message, pump, NULL};

static void add_peer(const char *ufrag, const char *pwd, const char *print, int id)
{
	struct peer_channel ch = {
		.id = (uint16_t)id, .ordered = true, .max_retr = -1, .max_time = -1};
	struct peer_conf pc = {.channel = &ch, .nchannel = 1};
	struct peer_remote r = {.ufrag = ar_span_str(ufrag),
		.pwd = ar_span_str(pwd),
		.fingerprint = {ar_span_str(print)},
		.nfingerprint = 1,
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000};
	struct echo *e = &echo[npeers++];
	const char *why = "";

	if (npeers > MAX_PEERS || peer_new(&e->peer, transport, &pc, &handlers, e, ar_now()) != 0 ||
		peer_set_remote(e->peer, &r, ar_now(), &why) != 0)
		die(*why ? why : "no more peers");
	printf("{\"ufrag\":\"%s\",\"pwd\":\"%s\",\"fingerprint\":\"%s\",\"addr\":\"127.0.0.1\","
	       "\"port\":%u}\n",
		peer_ufrag(e->peer), peer_pwd(e->peer), transport_fingerprint(transport), port);
	fflush(stdout);
}

static void start_bulk(json_int_t n)
{
	for (unsigned i = 0; i < npeers; i++) {
		echo[i].bulk = (uint64_t)n;
		peer_watch_buffered(echo[i].peer, BULK_AHEAD / 2);
		pump(&echo[i]);
	}
}

static void turn(void *arg)
{
	uint64_t now = ar_now(), at = transport_next_timeout(transport);
	struct timeval tv;

	(void)arg;
	udp_flush(udp);
	at = at == AR_NEVER ? 10 * AR_SEC : at > now ? at - now : 0;
	tv = (struct timeval){(time_t)(at / AR_SEC), (suseconds_t)(at % AR_SEC)};
	event_add(timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	transport_on_timer(transport, ar_now());
	turn(NULL);
}

static void on_datagram(void *arg, struct ar_span d, const struct peer_addr *from)
{
	(void)arg;
	transport_input(transport, d, from, ar_now());
}

static void on_line(evutil_socket_t fd, short what, void *arg)
{
	static char line[8192];
	const char *ufrag, *pwd, *print;
	json_int_t n;
	json_t *o;
	int id;

	(void)fd, (void)what, (void)arg;
	if (!fgets(line, sizeof(line), stdin)) {
		event_base_loopbreak(base);
		return;
	}
	o = json_loads(line, 0, NULL);
	if (json_unpack(o, "{s:I}", "bulk", &n) == 0)
		start_bulk(n);
	else if (json_unpack(o, "{s:s,s:s,s:s,s:i}", "ufrag", &ufrag, "pwd", &pwd, "fingerprint",
			 &print, "id", &id) == 0)
		add_peer(ufrag, pwd, print, id);
	else
		die("a line that is none of mine");
	json_decref(o);
	turn(NULL);
}

int main(void)
{
	struct transport_conf tc = {.max_peers = MAX_PEERS};
	struct peer_addr at;
	struct event *in;
	struct sockaddr_in sin;
	socklen_t n = sizeof(sin);
	int fd;

	setvbuf(stdin, NULL, _IONBF, 0); /* a line that is waiting must wake the loop */
	base = event_base_new();
	if (!base || peer_addr_parse(&at, "127.0.0.1", 1) != 0 ||
		transport_new(&transport, &tc) != 0)
		die("no memory");
	fd = udp_bind(&at, 0);
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&sin, &n) != 0)
		die("no socket");
	port = ntohs(sin.sin_port);
	timer = event_new(base, -1, 0, on_timer, NULL);
	in = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_line, NULL);
	if (udp_new(&udp, base, fd, on_datagram, turn, NULL) != 0 || !timer || !in)
		die("no memory");
	event_add(in, NULL);
	event_base_dispatch(base);
	for (unsigned i = 0; i < npeers; i++)
		peer_free(echo[i].peer);
	udp_flush(udp);
	event_free(in);
	event_free(timer);
	udp_free(udp);
	transport_free(transport);
	event_base_free(base);
	return 0;
}
