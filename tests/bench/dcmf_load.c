/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for a data channel server on this machine, which dcmf_table.py starts and measures through
 * this program: one UDP socket a peer, each a UE with ICE, DTLS, SCTP and one data channel.
 *
 *   dcmf_load -p SERVER_PID [-m echo|idle|bulk] [-n peers] [-w window] [-s bytes] [-t seconds]
 *             [-c echoes] [-b bytes] [-i channel] [-l] [-d] [-a address]
 *       -c: until so many echoes, not for a time     -l: ICE-lite, the server checks
 *       -d: the channel is opened in-band (RFC 8832)
 *
 * Descriptions are JSON lines: ours on standard output, the server's on standard input. {"bulk":N}
 * asks for N bytes to every peer. The last line has the figures. CPU is that of all threads of the
 * server from schedstat, so that what else runs on the machine counts as little as can be.
 */
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/dc_client.h"
#include "tests/lib/proc_cpu.h"
#include "tests/lib/udp_batch.h"

#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_PEERS 2048
#define MAX_WINDOW 64
#define AT_ONCE 50 /* peers that are set up at the same time */
#define SETUP_TIME (60 * AR_SEC)
#define WARM (500 * AR_MS)
#define BULK_TIME (120 * AR_SEC)
#define SLOTS 20000 /* of the histogram, 10 us each */

struct client {
	struct dc_client *ice; /* NULL: ICE-lite, and */
	struct peer *peer;
	struct udp_batch *udp;
	uint16_t port, channel;
	bool open, connected; /* connected: its channel is to be opened */
	unsigned sent, back; /* echoes come in order */
	uint64_t sent_at[MAX_WINDOW], bytes;
};

static struct {
	unsigned peers, window, seconds, count;
	size_t size;
	uint64_t bulk;
	int channel;
	bool lite, dcep;
	const char *mode, *addr;
	pid_t server;
} opt = {.peers = 20,
	.window = 8,
	.seconds = 4,
	.size = 300,
	.bulk = 20000000,
	.channel = 1000,
	.mode = "echo",
	.addr = "127.0.0.1"};

static struct transport *transport;
static struct client client[MAX_PEERS];
static uint64_t echoes, slot[SLOTS];
static unsigned nopen;
static bool go, measuring;

static void die(const char *what)
{
	fprintf(stderr, "dcmf_load: %s\n", what);
	exit(2);
}

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	udp_batch_send(((struct client *)arg)->udp, d, to);
}

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg;
	if (s == PEER_CLOSED)
		die(reason);
	if (s == PEER_CONNECTED && opt.dcep)
		((struct client *)arg)->connected = true;
}

static void on_channel_closed(void *arg, uint16_t id)
{
	(void)arg, (void)id;
	die("the channel was closed");
}

static void on_writable(void *arg)
{
	(void)arg;
}

static void fire(struct client *c)
{
	static char text[65536];

	if (!text[0])
		memset(text, 'x', sizeof(text));
	while (go && c->sent - c->back < opt.window) {
		c->sent_at[c->sent % MAX_WINDOW] = ar_now();
		if (peer_send(c->peer, c->channel, PEER_TEXT, (struct ar_span){text, opt.size}) !=
			0)
			return;
		c->sent++;
	}
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	struct client *c = arg;

	if (c->open)
		return;
	c->channel = ch->id;
	c->open = true;
	nopen++;
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct client *c = arg;
	uint64_t took;

	(void)id, (void)kind;
	c->bytes += data.n;
	if (c->back == c->sent)
		return; /* a greeting of the server, or bulk */
	took = (ar_now() - c->sent_at[c->back++ % MAX_WINDOW]) / 10;
	echoes++;
	if (measuring)
		slot[took < SLOTS ? took : SLOTS - 1]++;
	fire(c);
}

static const struct peer_handlers handlers = {
	on_send, on_state, on_channel, on_channel_closed, on_message, on_writable, NULL};

/* ---- connecting ---- */

static void make_client(struct client *c)
{
	struct peer_channel ch = {
		.id = (uint16_t)opt.channel, .ordered = true, .max_retr = -1, .max_time = -1};
	struct peer_conf pc = {.channel = &ch, .nchannel = opt.dcep ? 0 : 1};

	c->udp = calloc(1, sizeof(*c->udp));
	if (!c->udp)
		die("no memory");
	udp_batch_open(c->udp, opt.addr, &c->port);
	if (!opt.lite) {
		c->ice = dc_client_new(transport, &ch, pc.nchannel, &handlers, c, ar_now());
		c->peer = dc_client_peer(c->ice);
	} else if (peer_new(&c->peer, transport, &pc, &handlers, c, ar_now()) != 0) {
		die("no memory");
	}
}

static void offer(const struct client *c)
{
	printf("{\"ufrag\":\"%s\",\"pwd\":\"%s\",\"fingerprint\":\"%s\",\"addr\":\"%s\",\"port\":%"
	       "u,"
	       "\"id\":%d}\n",
		c->ice ? dc_client_ufrag(c->ice) : peer_ufrag(c->peer),
		c->ice ? dc_client_pwd(c->ice) : peer_pwd(c->peer),
		transport_fingerprint(transport), opt.addr, c->port, opt.channel);
	fflush(stdout);
}

static void take_answer(struct client *c)
{
	struct peer_remote r = {.sctp_port = 5000, .setup = AR_SETUP_PASSIVE};
	struct dc_client_server to = {.setup = AR_SETUP_ACTIVE};
	const char *why = "", *print, *addr = "";
	char line[8192];
	int port = 0;
	json_t *o;

	if (!fgets(line, sizeof(line), stdin))
		die("no answer");
	o = json_loads(line, 0, NULL);
	if (json_unpack(o, "{s:s,s:s,s:s,s?s,s?i}", "ufrag", &to.ufrag, "pwd", &to.pwd,
		    "fingerprint", &print, "addr", &addr, "port", &port) != 0)
		die("an answer that is none");
	to.fingerprint = print;
	r.ufrag = ar_span_str(to.ufrag);
	r.pwd = ar_span_str(to.pwd);
	r.fingerprint[r.nfingerprint++] = ar_span_str(print);
	if (!opt.lite && peer_addr_parse(&to.addr, addr, (uint16_t)port) != 0)
		die("an answer without an address");
	if (!opt.lite)
		dc_client_start(c->ice, &to, ar_now());
	else if (peer_set_remote(c->peer, &r, ar_now(), &why) != 0)
		die(why);
	json_decref(o);
}

/* ---- the loop ---- */

static void to_client(void *arg, struct ar_span d, const struct peer_addr *from)
{
	struct client *c = arg;

	if (c->ice)
		dc_client_input(c->ice, d, from, ar_now());
	else
		peer_input(c->peer, d, from, ar_now());
}

static uint64_t timers(uint64_t now, unsigned n)
{
	uint64_t at;

	if (transport_next_timeout(transport) <= now)
		transport_on_timer(transport, now);
	at = transport_next_timeout(transport);
	for (unsigned i = 0; i < n; i++) {
		uint64_t t = client[i].ice ? dc_client_next_timeout(client[i].ice) : AR_NEVER;

		if (t <= now) {
			dc_client_on_timer(client[i].ice, now);
			t = dc_client_next_timeout(client[i].ice);
		}
		at = t < at ? t : at;
	}
	return at;
}

static void open_channel(struct client *c)
{
	struct peer_channel ch = {
		.id = UINT16_MAX, .ordered = true, .max_retr = -1, .max_time = -1, .label = "load"};

	c->connected = false;
	if (peer_open_channel(c->peer, &ch) < 0)
		die("the channel cannot be opened");
}

static void turn(unsigned n, uint64_t until)
{
	static struct pollfd p[MAX_PEERS];
	uint64_t now = ar_now(), at = timers(now, n);

	for (unsigned i = 0; i < n; i++) {
		if (client[i].connected)
			open_channel(&client[i]);
		if (client[i].udp->nout)
			udp_batch_flush(client[i].udp);
		p[i] = (struct pollfd){.fd = client[i].udp->fd, .events = POLLIN};
	}
	at = at < until ? at : until;
	poll(p, n, at <= now ? 0 : (int)((at - now + 999) / AR_MS));
	for (unsigned i = 0; i < n; i++) {
		if (p[i].revents)
			udp_batch_read(client[i].udp, to_client, &client[i]);
		if (client[i].udp->nout)
			udp_batch_flush(client[i].udp);
	}
}

static void run(uint64_t until, uint64_t at_most)
{
	while (ar_now() < until && echoes < at_most)
		turn(opt.peers, until);
}

/* ---- what the server took ---- */

static uint64_t cpu_ns(void)
{
	return proc_cpu_ns(opt.server);
}

static long dirty_kb(void)
{
	char path[64], line[256];
	long kb = 0, v;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)opt.server);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Dirty: %ld", &v) == 1)
			kb = v;
	}
	if (f)
		fclose(f);
	return kb;
}

static unsigned percentile(double share)
{
	uint64_t all = 0, sum = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		all += slot[i];
	for (unsigned i = 0; i < SLOTS; i++) {
		sum += slot[i];
		if ((double)sum >= share * (double)all)
			return i * 10;
	}
	return SLOTS * 10;
}

static void connect_all(void)
{
	uint64_t deadline = ar_now() + SETUP_TIME;

	for (unsigned i = 0; i < opt.peers; i++) {
		make_client(&client[i]);
		offer(&client[i]);
		take_answer(&client[i]);
		while (nopen + AT_ONCE <= i && ar_now() < deadline)
			turn(i + 1, deadline);
	}
	while (nopen < opt.peers && ar_now() < deadline)
		turn(opt.peers, ar_now() + 100 * AR_MS);
	if (nopen < opt.peers)
		die("not all channels opened");
	run(ar_now() + WARM, UINT64_MAX);
}

static void do_echo(uint64_t *cpu, uint64_t *took)
{
	uint64_t before;

	go = true;
	for (unsigned i = 0; i < opt.peers; i++)
		fire(&client[i]);
	if (!opt.count)
		run(ar_now() + WARM, UINT64_MAX);
	measuring = true;
	before = echoes;
	*took = ar_now();
	*cpu = cpu_ns();
	run(opt.count ? UINT64_MAX : *took + opt.seconds * AR_SEC,
		opt.count ? opt.count : UINT64_MAX);
	*cpu = cpu_ns() - *cpu;
	*took = ar_now() - *took;
	echoes -= before;
}

static void do_bulk(uint64_t *cpu, uint64_t *took)
{
	uint64_t deadline = ar_now() + BULK_TIME;

	*took = ar_now();
	*cpu = cpu_ns();
	for (unsigned i = 0; i < opt.peers; i++)
		client[i].bytes = 0;
	printf("{\"bulk\":%llu}\n", (unsigned long long)opt.bulk);
	fflush(stdout);
	for (unsigned i = 0; i < opt.peers; i++) {
		while (client[i].bytes < opt.bulk && ar_now() < deadline)
			turn(opt.peers, deadline);
	}
	*cpu = cpu_ns() - *cpu;
	*took = ar_now() - *took;
	if (ar_now() >= deadline)
		die("the bulk did not come in time");
}

static void measure(void)
{
	uint64_t setup = cpu_ns(), cpu = 0, took = 0;
	long kb = dirty_kb();

	connect_all();
	setup = cpu_ns() - setup;
	kb = dirty_kb() - kb;
	if (strcmp(opt.mode, "echo") == 0)
		do_echo(&cpu, &took);
	else if (strcmp(opt.mode, "bulk") == 0)
		do_bulk(&cpu, &took);
	else {
		took = ar_now();
		cpu = cpu_ns();
		run(took + opt.seconds * AR_SEC, UINT64_MAX);
		cpu = cpu_ns() - cpu;
		took = ar_now() - took;
	}
	printf("{\"peers\":%u,\"echoes\":%llu,\"cpu_ms\":%.3f,\"wall_ms\":%.3f,\"p50_us\":%u,\"p99_"
	       "us\":%u,"
	       "\"setup_ms\":%.4f,\"kb\":%.1f}\n",
		opt.peers, (unsigned long long)echoes, (double)cpu / 1e6, (double)took / 1e3,
		percentile(0.5), percentile(0.99), (double)setup / 1e6 / opt.peers,
		(double)kb / opt.peers);
}

static bool read_option(int c, const char *v)
{
	const struct {
		int c;
		unsigned *at;
	} number[] = {
		{'n', &opt.peers}, {'w', &opt.window}, {'t', &opt.seconds}, {'c', &opt.count}};

	for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]); i++) {
		if (number[i].c == c) {
			*number[i].at = (unsigned)atoi(v);
			return true;
		}
	}
	switch (c) {
	case 's':
		opt.size = (size_t)atoi(v);
		return true;
	case 'b':
		opt.bulk = (uint64_t)atoll(v);
		return true;
	case 'i':
		opt.channel = atoi(v);
		return true;
	case 'p':
		opt.server = atoi(v);
		return true;
	case 'm':
		opt.mode = v;
		return true;
	case 'a':
		opt.addr = v;
		return true;
	case 'l':
		return opt.lite = true;
	case 'd':
		return opt.dcep = true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	struct transport_conf tc = {.max_peers = MAX_PEERS};
	int c;

	while ((c = getopt(argc, argv, "n:w:s:t:c:b:i:p:m:a:ld")) != -1) {
		if (!read_option(c, optarg))
			return 2;
	}
	if (!opt.peers || opt.peers > MAX_PEERS || opt.window > MAX_WINDOW || opt.size > 65536 ||
		!opt.server)
		die("-p pid; peers 1 to 2048, window to 64, bytes to 65536");
	if (transport_new(&transport, &tc) != 0)
		die("no memory");
	measure();
	return 0;
}
