/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Echo server on the DCMF's transport, for interoperability tests and benchmarks: one UDP socket,
 * driven by JSON lines on standard input, reporting JSON lines on standard output (interop/lib.mjs
 * is the other side). Every message comes back on its channel. Ends with its standard input.
 *
 *   {"cmd":"new","setup":"actpass","channels":[{"id":1000,"ordered":true}]}
 *   {"cmd":"remote","peer":1,"ufrag":"..","pwd":"..","fingerprints":["sha-256 AB:.."],
 *    "setup":"passive","sctpPort":5000,"maxMessageSize":65536,"lite":false,"addr":"..","port":1}
 *   {"cmd":"send","peer":1,"id":1000,"text":"..."}      {"cmd":"bulk","peer":1,"id":1,"bytes":N}
 *   {"cmd":"closeChannel","peer":1,"id":1000}  {"cmd":"restart","peer":1}
 *   {"cmd":"open","peer":1,"label":"x"}  {"cmd":"stats","peer":1}  {"cmd":"free","peer":1}
 */
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/net/peer_addr.h"
#include "mediad/transport.h"
#include "tests/lib/udp_batch.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_PEERS 4096
#define BULK_MESSAGE 16384
#define BULK_AHEAD (256 * 1024)

struct echo {
	struct peer *peer;
	int number;
	uint64_t bulk_left;
	uint16_t bulk_id;
	bool dead;
};

static struct udp_batch udp;
static struct transport *transport;
static struct echo *echoes[MAX_PEERS];
static int nechoes;
static bool quiet; /* benchmark: no line per channel */

static void say(json_t *o)
{
	char *s = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (!s)
		return;
	puts(s);
	fflush(stdout);
	free(s);
}

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	(void)arg;
	udp_batch_send(&udp, d, to);
}

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	struct echo *e = arg;

	if (!quiet)
		say(json_pack("{s:s,s:i,s:s,s:s}", "ev", "state", "peer", e->number, "state",
			peer_state_name(s), "reason", reason));
	if (s == PEER_CLOSED)
		e->dead = true;
}

static void on_channel(void *arg, const struct peer_channel *c)
{
	struct echo *e = arg;

	if (!quiet)
		say(json_pack("{s:s,s:i,s:i,s:s,s:s,s:b,s:i,s:i}", "ev", "channel", "peer",
			e->number, "id", c->id, "label", c->label, "protocol", c->subprotocol,
			"ordered", c->ordered, "maxRetr", c->max_retr, "maxTime", c->max_time));
}

static void on_channel_closed(void *arg, uint16_t id)
{
	struct echo *e = arg;

	say(json_pack("{s:s,s:i,s:i}", "ev", "channelClosed", "peer", e->number, "id", id));
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct echo *e = arg;
	int err = peer_send(e->peer, id, kind, data);

	if (err)
		say(json_pack("{s:s,s:i,s:i,s:s,s:i}", "ev", "error", "peer", e->number, "id", id,
			"error", strerror(-err), "bytes", (int)data.n));
}

static void pump(struct echo *e)
{
	static char block[BULK_MESSAGE];

	while (e->bulk_left && peer_buffered(e->peer) < BULK_AHEAD) {
		size_t n = e->bulk_left < sizeof(block) ? e->bulk_left : sizeof(block);

		if (n > peer_max_message(e->peer))
			n = peer_max_message(e->peer);
		if (peer_send(e->peer, e->bulk_id, PEER_BINARY, (struct ar_span){block, n}) != 0)
			return;
		e->bulk_left -= n;
	}
}

static void on_writable(void *arg)
{
	pump(arg);
}

static const struct peer_handlers handlers = {
	on_send, on_state, on_channel, on_channel_closed, on_message, on_writable, NULL};

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static int number(const json_t *o, const char *name, int deflt)
{
	const json_t *v = json_object_get(o, name);

	return json_is_integer(v) ? (int)json_integer_value(v) : deflt;
}

static enum ar_setup setup_of(const char *s)
{
	if (strcmp(s, "active") == 0)
		return AR_SETUP_ACTIVE;
	return strcmp(s, "passive") == 0 ? AR_SETUP_PASSIVE : AR_SETUP_ACTPASS;
}

static unsigned read_channels(const json_t *o, struct peer_channel *ch)
{
	json_t *list = json_object_get(o, "channels");
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < PEER_MAX_CHANNELS; i++) {
		json_t *c = json_array_get(list, i);

		ch[n] = (struct peer_channel){.id = (uint16_t)number(c, "id", 0),
			.ordered = !json_is_false(json_object_get(c, "ordered")),
			.max_retr = number(c, "maxRetr", -1),
			.max_time = number(c, "maxTime", -1)};
		snprintf(ch[n].subprotocol, sizeof(ch[n].subprotocol), "%s", text(c, "protocol"));
		snprintf(ch[n].label, sizeof(ch[n].label), "%s", text(c, "label"));
		n++;
	}
	return n;
}

static void cmd_new(struct echo *none, const json_t *o)
{
	struct peer_channel ch[PEER_MAX_CHANNELS];
	struct peer_conf conf = {.setup = setup_of(text(o, "setup")), .channel = ch};
	struct echo *e = calloc(1, sizeof(*e));
	int err;

	(void)none;
	if (!e || nechoes == MAX_PEERS)
		exit(2);
	conf.nchannel = read_channels(o, ch);
	e->number = nechoes;
	err = peer_new(&e->peer, transport, &conf, &handlers, e, ar_now());
	if (err) {
		free(e);
		say(json_pack("{s:s,s:s}", "ev", "new", "error", strerror(-err)));
		return;
	}
	echoes[nechoes++] = e;
	say(json_pack("{s:s,s:i,s:s,s:s,s:s}", "ev", "new", "peer", e->number, "ufrag",
		peer_ufrag(e->peer), "pwd", peer_pwd(e->peer), "fingerprint",
		transport_fingerprint(transport)));
}

static void cmd_remote(struct echo *e, const json_t *o)
{
	struct peer_remote r = {.ufrag = ar_span_str(text(o, "ufrag")),
		.pwd = ar_span_str(text(o, "pwd")),
		.ice_lite = json_is_true(json_object_get(o, "lite")),
		.setup = setup_of(text(o, "setup")),
		.sctp_port = (uint16_t)number(o, "sctpPort", 5000),
		.max_message_size = (uint64_t)number(o, "maxMessageSize", 65536)};
	json_t *prints = json_object_get(o, "fingerprints");
	const char *why = "";
	int err;

	for (size_t i = 0; i < json_array_size(prints) && i < AR_DC_MAX_FINGERPRINTS; i++)
		r.fingerprint[r.nfingerprint++] =
			ar_span_str(json_string_value(json_array_get(prints, i)));
	if (*text(o, "addr") &&
		peer_addr_parse(&r.addr, text(o, "addr"), (uint16_t)number(o, "port", 0)) != 0)
		r.addr.len = 0;
	err = peer_set_remote(e->peer, &r, ar_now(), &why);
	say(json_pack("{s:s,s:i,s:b,s:s}", "ev", "remote", "peer", e->number, "ok", err == 0, "why",
		why ? why : ""));
}

static void cmd_send(struct echo *e, const json_t *o)
{
	int err = peer_send(
		e->peer, (uint16_t)number(o, "id", 0), PEER_TEXT, ar_span_str(text(o, "text")));

	if (err)
		say(json_pack("{s:s,s:i,s:s}", "ev", "error", "peer", e->number, "error",
			strerror(-err)));
}

static void cmd_bulk(struct echo *e, const json_t *o)
{
	e->bulk_id = (uint16_t)number(o, "id", 0);
	e->bulk_left = (uint64_t)number(o, "bytes", 0);
	peer_watch_buffered(e->peer, BULK_AHEAD / 2);
	pump(e);
}

static void cmd_close_channel(struct echo *e, const json_t *o)
{
	if (peer_close_channel(e->peer, (uint16_t)number(o, "id", 0)) != 0)
		say(json_pack("{s:s,s:i,s:s}", "ev", "error", "peer", e->number, "error", "close"));
}

static void cmd_open(struct echo *e, const json_t *o)
{
	struct peer_channel ch = {
		.id = UINT16_MAX, .ordered = true, .max_retr = -1, .max_time = -1};

	snprintf(ch.label, sizeof(ch.label), "%s", text(o, "label"));
	say(json_pack("{s:s,s:i,s:i}", "ev", "opened", "peer", e->number, "id",
		peer_open_channel(e->peer, &ch)));
}

static void cmd_restart(struct echo *e, const json_t *o)
{
	(void)o;
	if (peer_restart_ice(e->peer) == 0)
		say(json_pack("{s:s,s:i,s:s,s:s}", "ev", "restarted", "peer", e->number, "ufrag",
			peer_ufrag(e->peer), "pwd", peer_pwd(e->peer)));
}

static void cmd_stats(struct echo *e, const json_t *o)
{
	struct peer_stats s;
	char where[PEER_ADDR_TEXT];

	(void)o;
	peer_get_stats(e->peer, &s);
	say(json_pack("{s:s,s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:i,s:I,s:s}", "ev",
		"stats", "peer", e->number, "state", peer_state_name(peer_state(e->peer)),
		"rxMessages", (json_int_t)s.rx_messages, "txMessages", (json_int_t)s.tx_messages,
		"stunOk", (json_int_t)s.stun_ok, "stunBad", (json_int_t)s.stun_bad, "useCandidate",
		(json_int_t)s.use_candidate, "dtlsBad", (json_int_t)s.dtls_bad, "earlyHeld",
		(json_int_t)s.early_held, "dropped", (json_int_t)s.dropped, "iceUs",
		(json_int_t)s.at.ice, "dtlsUs", (json_int_t)s.at.dtls, "sctpUs",
		(json_int_t)s.at.sctp, "rttUs", (int)s.rtt_us, "buffered",
		(json_int_t)peer_buffered(e->peer), "selected",
		peer_addr_print(&s.selected, where)));
}

static void cmd_free(struct echo *e, const json_t *o)
{
	(void)o;
	e->dead = true;
}

static const struct {
	const char *name;
	void (*run)(struct echo *e, const json_t *o);
} commands[] = {
	{"new", cmd_new},
	{"remote", cmd_remote},
	{"send", cmd_send},
	{"bulk", cmd_bulk},
	{"closeChannel", cmd_close_channel},
	{"open", cmd_open},
	{"restart", cmd_restart},
	{"stats", cmd_stats},
	{"free", cmd_free},
};

static void run_line(const char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	int n = number(o, "peer", -1);
	struct echo *e = n >= 0 && n < nechoes ? echoes[n] : NULL;

	for (unsigned i = 0; o && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(text(o, "cmd"), commands[i].name) != 0)
			continue;
		if (e || i == 0)
			commands[i].run(e, o);
		else
			say(json_pack(
				"{s:s,s:i,s:b}", "ev", commands[i].name, "peer", n, "gone", 1));
	}
	json_decref(o);
}

/* false at the end of the input. */
static bool read_commands(void)
{
	static char buf[65536];
	static size_t have;
	ssize_t n = read(STDIN_FILENO, buf + have, sizeof(buf) - 1 - have);
	char *nl, *at = buf;

	if (n <= 0)
		return false;
	have += (size_t)n;
	buf[have] = '\0';
	while ((nl = strchr(at, '\n')) != NULL) {
		*nl = '\0';
		run_line(at);
		at = nl + 1;
	}
	have -= (size_t)(at - buf);
	memmove(buf, at, have);
	return true;
}

static void on_datagram(void *arg, struct ar_span d, const struct peer_addr *from)
{
	(void)arg;
	transport_input(transport, d, from, ar_now());
}

static void bury(bool all)
{
	for (int i = 0; i < nechoes; i++) {
		if (!echoes[i] || !(all || echoes[i]->dead))
			continue;
		peer_free(echoes[i]->peer);
		free(echoes[i]);
		echoes[i] = NULL;
	}
}

static int wait_ms(void)
{
	uint64_t at = transport_next_timeout(transport), now = ar_now();

	if (at == AR_NEVER)
		return 1000;
	if (at <= now)
		return 0;
	return at - now > 1000 * AR_MS ? 1000 : (int)((at - now + 999) / AR_MS);
}

static void loop(void)
{
	struct pollfd p[2] = {
		{.fd = udp.fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};

	for (;;) {
		poll(p, 2, wait_ms());
		if (p[0].revents)
			udp_batch_read(&udp, on_datagram, NULL);
		if (p[1].revents && !read_commands())
			return;
		if (transport_next_timeout(transport) <= ar_now())
			transport_on_timer(transport, ar_now());
		bury(false);
		udp_batch_flush(&udp);
	}
}

int main(int argc, char **argv)
{
	struct transport_conf conf = {.max_peers = MAX_PEERS};
	const char *host = "127.0.0.1";
	uint16_t port = 0;
	int c;

	while ((c = getopt(argc, argv, "b:p:qv")) != -1) {
		if (c == 'b')
			host = optarg;
		else if (c == 'p')
			port = (uint16_t)atoi(optarg);
		else if (c == 'q')
			quiet = true;
		else if (c == 'v')
			ar_log_set_level(AR_LOG_DEBUG);
		else
			return 2;
	}
	udp_batch_open(&udp, host, &port);
	if (transport_new(&transport, &conf) != 0)
		return 2;
	say(json_pack("{s:s,s:s,s:i,s:i}", "ev", "ready", "host", host, "port", port, "pid",
		(int)getpid()));
	loop();
	bury(true);
	udp_batch_flush(&udp);
	transport_free(transport);
	close(udp.fd);
	return 0;
}
