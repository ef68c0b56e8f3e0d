/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UEs of one scene on the real transport (ICE-lite, DTLS, SCTP over loopback), for room.py: each
 * sends its pose at a rate and reads what it is told of the others'. One of them may sit behind a
 * slow line and load a file over its bootstrap channel meanwhile.
 *
 *   room_load PEERS HZ SECONDS rows|table PID [KBPS RTT_MS /FILE]
 *
 * Standard output: one JSON line with our descriptions; then, after one line with mediad's on
 * standard input, one JSON line with the figures. CPU is that of process PID, all threads. With a
 * line: first SECONDS without the file, then until it is there.
 */
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "mediad/transport.h"
#include "tests/lib/proc_cpu.h"
#include "tests/lib/udp_batch.h"

#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_UES 64
#define SD 1000
#define META 1002
#define HTTP 0
#define MAX_AGE 4000 /* ms */
#define UNIT 100000.0 /* a pose's height says when it was sent: 10 um a millisecond */
#define LINE 4096 /* datagrams on the line */
#define MAX_QUEUE (150 * AR_MS) /* what waits longer in front of it is lost */

struct parcel {
	uint64_t at;
	size_t n;
	struct peer_addr addr;
	char data[UDP_BATCH_SIZE];
};

struct line { /* one direction */
	unsigned head, tail, lost;
	uint64_t free; /* when the bottleneck is */
	struct parcel *p;
};

struct ages {
	uint64_t n;
	unsigned of[MAX_AGE + 1];
};

struct ue {
	struct peer *peer;
	struct udp_batch *udp;
	uint16_t port;
	bool scene, meta, http, told;
	uint64_t next, updates, bytes;
	struct line *up, *down; /* NULL: none */
};

static struct {
	unsigned n, hz, seconds, kbps, rtt_ms;
	bool rows;
	pid_t pid;
	const char *file;
} opt;

static struct transport *transport;
static struct ue ue[MAX_UES];
static struct ages others, joiner; /* what they were told */
static uint64_t epoch, loaded, want, poses, longest, last_told;
static bool measuring;

static void die(const char *what)
{
	fprintf(stderr, "room_load: %s\n", what);
	exit(2);
}

/* ---- the line ---- */

static void line_put(
	struct line *l, uint64_t now, unsigned kbps, struct ar_span d, const struct peer_addr *addr)
{
	struct parcel *p = &l->p[l->head % LINE];
	uint64_t start = l->free > now ? l->free : now;

	if (start - now > MAX_QUEUE || l->head - l->tail == LINE || d.n > sizeof(p->data)) {
		l->lost++;
		return;
	}
	l->free = start + d.n * 8 * 1000 / kbps;
	p->at = l->free + opt.rtt_ms * AR_MS / 2;
	p->n = d.n;
	p->addr = *addr;
	memcpy(p->data, d.p, d.n);
	l->head++;
}

static struct parcel *line_take(struct line *l, uint64_t now)
{
	if (l->tail == l->head || l->p[l->tail % LINE].at > now)
		return NULL;
	return &l->p[l->tail++ % LINE];
}

static void run_line(struct ue *u, uint64_t now)
{
	struct parcel *p;

	while ((p = line_take(u->up, now)) != NULL)
		udp_batch_send(u->udp, (struct ar_span){p->data, p->n}, &p->addr);
	while ((p = line_take(u->down, now)) != NULL)
		peer_input(u->peer, (struct ar_span){p->data, p->n}, &p->addr, now);
}

/* ---- a UE ---- */

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct ue *u = arg;

	if (u->up)
		line_put(u->up, ar_now(), opt.kbps, d, to);
	else
		udp_batch_send(u->udp, d, to);
}

static void on_datagram(void *arg, struct ar_span d, const struct peer_addr *from)
{
	struct ue *u = arg;

	if (u->down)
		line_put(u->down, ar_now(), opt.kbps, d, from);
	else
		peer_input(u->peer, d, from, ar_now());
}

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg;
	if (s == PEER_CLOSED)
		die(reason);
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	struct ue *u = arg;

	u->scene |= ch->id == SD;
	u->meta |= ch->id == META;
	u->http |= ch->id == HTTP;
}

static void nothing(void *arg, uint16_t id)
{
	(void)arg, (void)id;
}

static void on_writable(void *arg)
{
	(void)arg;
}

static void note(struct ages *a, const char *y)
{
	double sent = strtod(y, NULL) * UNIT, now = (double)(ar_now() - epoch) / AR_MS;
	unsigned age = now > sent ? (unsigned)(now - sent + 0.5) : 0;

	a->of[age < MAX_AGE ? age : MAX_AGE]++;
	a->n++;
}

static void read_update(struct ue *u, struct ar_span data)
{
	struct ages *a = u->down ? &joiner : &others;
	const char *p = data.p, *end = data.p + data.n;
	static const char mark[] = "/translation\",\"value\":[";
	uint64_t now = ar_now();
	bool any = false;

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL) {
		const char *y = memchr(p + sizeof(mark) - 1, ',', (size_t)(end - p) - sizeof(mark));

		p += sizeof(mark) - 1;
		any = true;
		if (measuring && y)
			note(a, y + 1);
	}
	if (!measuring || !any)
		return;
	u->updates++;
	u->bytes += data.n;
	if (u->down && last_told && now - last_told > longest)
		longest = now - last_told;
	if (u->down)
		last_told = now;
}

static void read_file(struct ar_span data)
{
	const char *head = memmem(data.p, data.n, "\r\n\r\n", 4), *len;

	if (want) {
		loaded += data.n;
		return;
	}
	len = memmem(data.p, data.n, "Content-Length: ", 16);
	if (!head || !len || memcmp(data.p, "HTTP/1.1 200", 12) != 0)
		die("the file is not served");
	want = strtoull(len + 16, NULL, 10);
	loaded = data.n - (size_t)(head + 4 - data.p);
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct ue *u = arg;

	(void)kind;
	if (id == HTTP)
		read_file(data);
	else if (id == SD && data.n && data.p[0] == '{')
		u->told = true;
	else if (id == SD)
		read_update(u, data);
}

static const struct peer_channel channels[] = {
	{.id = SD, .ordered = true, .max_retr = -1, .max_time = -1},
	{.id = META, .ordered = false, .max_retr = 0, .max_time = -1},
	{.id = HTTP, .ordered = true, .max_retr = -1, .max_time = -1}};

static void make_ues(void)
{
	static const struct peer_handlers h = {
		on_send, on_state, on_channel, nothing, on_message, on_writable, NULL};
	struct transport_conf tc = {.max_peers = MAX_UES};
	struct peer_conf pc = {.channel = channels, .nchannel = 3};
	static struct line line[2];

	if (transport_new(&transport, &tc) != 0)
		die("no memory");
	for (unsigned i = 0; i < opt.n; i++) {
		ue[i].udp = calloc(1, sizeof(struct udp_batch));
		if (!ue[i].udp)
			die("no memory");
		udp_batch_open(ue[i].udp, "127.0.0.1", &ue[i].port);
		if (peer_new(&ue[i].peer, transport, &pc, &h, &ue[i], ar_now()) != 0)
			die("peer");
	}
	if (!opt.kbps)
		return;
	for (unsigned i = 0; i < 2; i++) {
		line[i].p = calloc(LINE, sizeof(struct parcel));
		if (!line[i].p)
			die("no memory");
	}
	ue[0].up = &line[0];
	ue[0].down = &line[1];
}

/* ---- descriptions ---- */

static void tell_ours(void)
{
	json_t *list = json_array(), *o;
	char *s;

	for (unsigned i = 0; i < opt.n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i}", "ufrag", peer_ufrag(ue[i].peer), "pwd",
				      peer_pwd(ue[i].peer), "port", (int)ue[i].port));
	o = json_pack("{s:s, s:o}", "fingerprint", transport_fingerprint(transport), "peers", list);
	s = json_dumps(o, JSON_COMPACT);
	puts(s);
	fflush(stdout);
	free(s);
	json_decref(o);
}

static void read_theirs(void)
{
	static char text[65536];
	const char *print, *ufrag, *pwd, *why = "";
	json_t *o, *p;
	size_t i;
	int port;

	if (!fgets(text, sizeof(text), stdin) || !(o = json_loads(text, 0, NULL)))
		die("no descriptions");
	if (json_unpack(o, "{s:s, s:i}", "fingerprint", &print, "port", &port) != 0)
		die("bad descriptions");
	json_array_foreach(json_object_get(o, "peers"), i, p)
	{
		struct peer_remote r = {.ice_lite = true,
			.fingerprint = {ar_span_str(print)},
			.nfingerprint = 1,
			.setup = AR_SETUP_ACTIVE,
			.sctp_port = 5000,
			.addr_verified = true};

		if (json_unpack(p, "{s:s, s:s}", "ufrag", &ufrag, "pwd", &pwd) != 0)
			die("bad descriptions");
		r.ufrag = ar_span_str(ufrag);
		r.pwd = ar_span_str(pwd);
		if (peer_addr_parse(&r.addr, "127.0.0.1", (uint16_t)port) != 0 || i >= opt.n ||
			peer_set_remote(ue[i].peer, &r, ar_now(), &why) != 0)
			die(why);
	}
	json_decref(o);
}

/* ---- the loop ---- */

/* Around a table of 10 m, looking at its middle; or in rows, all looking the same way. */
static void send_pose(unsigned who, uint64_t now)
{
	double ms = (double)(now - epoch) / AR_MS, sway = fmod(ms, 50) * 0.001;
	double a = opt.rows ? 0 : 6.283185307 * who / opt.n;
	unsigned row = who / 7, seat = who % 7;
	double x = opt.rows ? seat * 1.2 : 5 * sin(a), z = opt.rows ? row * 1.2 : 5 * cos(a);
	char text[400];
	int n = snprintf(text, sizeof(text),
		"{\"poseInfo\":[{\"poseTime\":%.5f,\"xrSpaceId\":1,\"poses\":[{\"orientation\":{"
		"\"x\":0,\"y\":%.8f,\"z\":0,\"w\":%.8f},\"position\":{\"x\":%.6f,\"y\":%.6f,"
		"\"z\":%.6f},\"confidence\":1}]}]}",
		100 + ms / 1000, sin(a / 2 + sway), cos(a / 2 + sway), x + sway, ms / UNIT, z);

	if (peer_send(ue[who].peer, META, PEER_TEXT, (struct ar_span){text, (size_t)n}) == 0)
		poses += measuring;
}

static void send_poses(uint64_t now)
{
	for (unsigned i = 0; opt.hz && i < opt.n; i++) {
		if (!ue[i].told || now < ue[i].next)
			continue;
		if (!ue[i].next) /* spread, as their clocks are */
			ue[i].next = now + i * (AR_SEC / opt.hz) / opt.n;
		send_pose(i, now);
		ue[i].next += AR_SEC / opt.hz;
		if (ue[i].next < now)
			ue[i].next = now;
	}
}

static void turn(void)
{
	static struct pollfd p[MAX_UES];
	uint64_t now;

	for (unsigned i = 0; i < opt.n; i++)
		p[i] = (struct pollfd){.fd = ue[i].udp->fd, .events = POLLIN};
	poll(p, opt.n, 1);
	for (unsigned i = 0; i < opt.n; i++) {
		if (p[i].revents)
			udp_batch_read(ue[i].udp, on_datagram, &ue[i]);
	}
	now = ar_now();
	if (ue[0].up)
		run_line(&ue[0], now);
	send_poses(now);
	if (transport_next_timeout(transport) <= now)
		transport_on_timer(transport, now);
	for (unsigned i = 0; i < opt.n; i++) {
		if (ue[i].udp->nout)
			udp_batch_flush(ue[i].udp);
	}
}

static void run(uint64_t us)
{
	uint64_t until = ar_now() + us;

	while (ar_now() < until)
		turn();
}

static bool all_there(void)
{
	for (unsigned i = 0; i < opt.n; i++) {
		if (!ue[i].meta || !ue[i].told)
			return false;
	}
	return true;
}

/* ---- figures ---- */

static unsigned percentile(const struct ages *a, double share)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i <= MAX_AGE; i++) {
		seen += a->of[i];
		if ((double)seen >= share * (double)a->n)
			return i;
	}
	return MAX_AGE;
}

/* Since the last call. */
static json_t *figures(uint64_t took, uint64_t cpu)
{
	uint64_t least = UINT64_MAX, updates = 0, bytes = 0;
	double s = (double)took / AR_SEC;
	json_t *o;

	for (unsigned i = 0; i < opt.n; i++) {
		updates += ue[i].updates;
		bytes += ue[i].bytes;
		least = ue[i].updates < least ? ue[i].updates : least;
		ue[i].updates = ue[i].bytes = 0;
	}
	o = json_pack("{s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:f, s:f}", "updates_per_s",
		(double)updates / opt.n / s, "least_updates_per_s", (double)least / s,
		"cpu_percent", (double)cpu / (double)took / 10, "kbps_to_each",
		(double)bytes * 8 / 1000 / opt.n / s, "poses_per_s", (double)poses / s, "age_p50",
		(int)percentile(&others, 0.5), "age_p99", (int)percentile(&others, 0.99),
		"joiner_p50", (int)percentile(&joiner, 0.5), "joiner_p99",
		(int)percentile(&joiner, 0.99), "joiner_longest", (double)longest / AR_MS,
		"seconds", s);
	memset(&others, 0, sizeof(others));
	memset(&joiner, 0, sizeof(joiner));
	poses = longest = last_told = 0;
	return o;
}

static json_t *phase(bool file)
{
	uint64_t start = ar_now(), cpu = proc_cpu_ns(opt.pid);
	char ask[300];
	int n = snprintf(
		ask, sizeof(ask), "GET %s HTTP/1.1\r\nHost: dcmf\r\n\r\n", file ? opt.file : "");

	measuring = true;
	if (!file)
		run(opt.seconds * AR_SEC);
	else if (peer_send(ue[0].peer, HTTP, PEER_BINARY, (struct ar_span){ask, (size_t)n}) != 0)
		die("cannot ask for the file");
	while (file && (!want || loaded < want)) {
		run(100 * AR_MS);
		if (ar_now() > start + 120 * AR_SEC)
			die("the file did not come in two minutes");
	}
	measuring = false;
	return figures(ar_now() - start, proc_cpu_ns(opt.pid) - cpu);
}

int main(int argc, char **argv)
{
	json_t *o;
	cpu_set_t set;
	char *s;

	if (argc != 6 && argc != 9)
		die("see the top of room_load.c");
	opt.n = (unsigned)atoi(argv[1]);
	opt.hz = (unsigned)atoi(argv[2]);
	opt.seconds = (unsigned)atoi(argv[3]);
	opt.rows = strcmp(argv[4], "rows") == 0;
	opt.pid = atoi(argv[5]);
	if (argc == 9) {
		opt.kbps = (unsigned)atoi(argv[6]);
		opt.rtt_ms = (unsigned)atoi(argv[7]);
		opt.file = argv[8];
	}
	if (!opt.n || opt.n > MAX_UES)
		die("1 to 64 peers");
	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where it is refused the figures are noisier */
	epoch = ar_now();
	make_ues();
	tell_ours();
	read_theirs();
	for (unsigned i = 0; i < 200 && !all_there(); i++)
		run(100 * AR_MS);
	if (!all_there())
		die("not everybody got the scene");
	run(AR_SEC);
	o = json_pack("{s:o}", "before", phase(false));
	if (opt.file)
		json_object_set_new(o, "during", phase(true));
	if (opt.kbps)
		json_object_set_new(o, "lost", json_integer(ue[0].down->lost));
	s = json_dumps(o, JSON_COMPACT);
	puts(s);
	free(s);
	json_decref(o);
	return 0;
}
