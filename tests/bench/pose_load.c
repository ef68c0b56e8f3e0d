/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of two UEs each (ICE, DTLS, SCTP over loopback) at a mediad, for dcmf_table.py: every UE
 * sends its pose so many times a second, all out of step, and what counts is from a pose's sending
 * to the patch that brings it to the other UE.
 *
 *   pose_load -p MEDIAD_WORKER_PID [-n calls] [-z hertz] [-t seconds]
 *
 * First line out: all descriptions. Then in, one line for each UE:
 * {"ufrag","pwd","fingerprint","port"}. Last line out: the figures. A pose has its number as its
 * height, so that it is known again.
 */
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/dc_client.h"
#include "tests/lib/proc_cpu.h"
#include "tests/lib/udp_batch.h"

#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_UES 512
#define SD 1000
#define META 1002
#define RING 1000 /* poses that can be told apart */
#define STEP 0.01 /* m, of the height from one to the next */
#define SLOTS 20000 /* of the histogram, 10 us each */
#define SETUP_TIME (60 * AR_SEC)
#define WARM AR_SEC

struct ue {
	struct dc_client *ice;
	struct peer *peer;
	struct udp_batch *udp;
	uint16_t port;
	unsigned nopen, index, n; /* n: poses sent */
	bool told;
	uint64_t next, sent_at[RING];
};

static struct {
	unsigned n, hz, seconds;
	pid_t pid;
} opt = {.n = 100, .hz = 60, .seconds = 5};

static struct transport *transport;
static struct ue ue[MAX_UES];
static unsigned nready;
static uint64_t slot[SLOTS], patches, poses, refused;
static bool measuring;
static int poller;

static void die(const char *what)
{
	fprintf(stderr, "pose_load: %s\n", what);
	exit(2);
}

/* ---- a UE ---- */

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	udp_batch_send(((struct ue *)arg)->udp, d, to);
}

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg;
	if (s == PEER_CLOSED)
		die(reason);
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	(void)ch;
	((struct ue *)arg)->nopen++;
}

static void on_channel_closed(void *arg, uint16_t id)
{
	(void)arg, (void)id;
	die("a channel was closed");
}

static void on_writable(void *arg)
{
	(void)arg;
}

/* Each UE is at x = 1 or 2, its own pose comes back too. */
static void on_patch(struct ue *u, struct ar_span data)
{
	static const char mark[] = "/translation\",\"value\":[";
	const struct ue *other = &ue[u->index ^ 1];
	const char *p = data.p, *end = data.p + data.n;
	uint64_t now = ar_now(), age;
	char *y;

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL) {
		double x = strtod(p + sizeof(mark) - 1, &y);

		p += sizeof(mark) - 1;
		if (*y != ',' || (unsigned)lround(x) != 1 + (other->index & 1) || !measuring)
			continue;
		age = now - other->sent_at[(unsigned)lround(strtod(y + 1, NULL) / STEP) % RING];
		slot[age / 10 < SLOTS ? age / 10 : SLOTS - 1]++;
		patches++;
	}
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct ue *u = arg;

	(void)kind;
	if (id != SD || !data.n)
		return;
	if (data.p[0] != '{') {
		on_patch(u, data);
	} else if (!u->told) {
		u->told = true;
		nready++;
	}
}

static void send_pose(struct ue *u, uint64_t now)
{
	char text[400];
	unsigned k = u->n++ % RING;
	int n = snprintf(text, sizeof(text),
		"{\"poseInfo\":[{\"poseTime\":%.5f,\"xrSpaceId\":1,\"poses\":[{\"orientation\":{"
		"\"x\":0,\"y\":%.8f,\"z\":0,\"w\":%.8f},\"position\":{\"x\":%u,\"y\":%.2f,"
		"\"z\":%.6f},\"confidence\":1}]}]}",
		100 + (double)now / AR_SEC, sin(k * 0.001), cos(k * 0.001), 1 + (u->index & 1),
		k * STEP, k * 0.003);

	u->sent_at[k] = now;
	poses += measuring;
	if (peer_send(u->peer, META, PEER_TEXT, (struct ar_span){text, (size_t)n}) != 0)
		refused += measuring;
}

/* ---- the loop ---- */

static void to_ue(void *arg, struct ar_span d, const struct peer_addr *from)
{
	dc_client_input(((struct ue *)arg)->ice, d, from, ar_now());
}

static uint64_t due(uint64_t now)
{
	uint64_t at;

	if (transport_next_timeout(transport) <= now)
		transport_on_timer(transport, now);
	at = transport_next_timeout(transport);
	for (unsigned i = 0; i < opt.n; i++) {
		struct ue *u = &ue[i];
		uint64_t t = dc_client_next_timeout(u->ice);

		if (t <= now) {
			dc_client_on_timer(u->ice, now);
			t = dc_client_next_timeout(u->ice);
		}
		if (u->next && u->next <= now) {
			send_pose(u, ar_now());
			u->next += AR_SEC / opt.hz;
		}
		if (u->next && u->next < t)
			t = u->next;
		at = t < at ? t : at;
		if (u->udp->nout)
			udp_batch_flush(u->udp);
	}
	return at;
}

static void turn(uint64_t until)
{
	struct epoll_event ev[64];
	uint64_t now = ar_now(), at = due(now);
	struct timespec wait = {0};
	int n;

	at = at < until ? at : until;
	now = ar_now();
	if (at > now)
		wait = (struct timespec){
			(time_t)((at - now) / AR_SEC), (long)((at - now) % AR_SEC) * 1000};
	n = epoll_pwait2(poller, ev, 64, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct ue *u = ev[i].data.ptr;

		udp_batch_read(u->udp, to_ue, u);
		if (u->udp->nout)
			udp_batch_flush(u->udp);
	}
}

static void run(uint64_t until)
{
	while (ar_now() < until)
		turn(until);
}

/* ---- set up ---- */

static void make_ues(void)
{
	static const struct peer_handlers h = {
		on_send, on_state, on_channel, on_channel_closed, on_message, on_writable, NULL};
	static const struct peer_channel ch[] = {
		{.id = SD, .ordered = true, .max_retr = -1, .max_time = -1},
		{.id = META, .ordered = false, .max_retr = 0, .max_time = -1}};
	struct epoll_event ev = {.events = EPOLLIN};

	poller = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < opt.n; i++) {
		struct ue *u = &ue[i];

		u->index = i;
		u->udp = calloc(1, sizeof(*u->udp));
		if (!u->udp)
			die("no memory");
		udp_batch_open(u->udp, "127.0.0.1", &u->port);
		u->ice = dc_client_new(transport, ch, 2, &h, u, ar_now());
		u->peer = dc_client_peer(u->ice);
		ev.data.ptr = u;
		if (epoll_ctl(poller, EPOLL_CTL_ADD, u->udp->fd, &ev) != 0)
			die("epoll");
	}
}

static void tell_ours(void)
{
	json_t *list = json_array();
	char *s;

	for (unsigned i = 0; i < opt.n; i++)
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:i}", "ufrag", dc_client_ufrag(ue[i].ice),
				      "pwd", dc_client_pwd(ue[i].ice), "fingerprint",
				      transport_fingerprint(transport), "port", (int)ue[i].port));
	s = json_dumps(list, JSON_COMPACT);
	puts(s ? s : "");
	fflush(stdout);
	free(s);
	json_decref(list);
}

static void read_theirs(void)
{
	static char line[4096];

	for (unsigned i = 0; i < opt.n; i++) {
		struct dc_client_server to = {.setup = AR_SETUP_ACTIVE};
		json_t *o = fgets(line, sizeof(line), stdin) ? json_loads(line, 0, NULL) : NULL;
		int port;

		if (json_unpack(o, "{s:s,s:s,s:s,s:i}", "ufrag", &to.ufrag, "pwd", &to.pwd,
			    "fingerprint", &to.fingerprint, "port", &port) != 0 ||
			peer_addr_parse(&to.addr, "127.0.0.1", (uint16_t)port) != 0)
			die("a description that is none");
		dc_client_start(ue[i].ice, &to, ar_now());
		json_decref(o);
		run(ar_now() + 5 * AR_MS);
	}
}

static unsigned percentile(double share)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		sum += slot[i];
		if ((double)sum >= share * (double)patches)
			return i * 10;
	}
	return SLOTS * 10;
}

static void measure(void)
{
	uint64_t start = ar_now(), cpu, mine, took;

	for (unsigned i = 0; i < opt.n; i++)
		ue[i].next = start + i * (AR_SEC / opt.hz) / opt.n;
	run(start + WARM);
	measuring = true;
	took = ar_now();
	cpu = proc_cpu_ns(opt.pid);
	mine = proc_cpu_ns(getpid());
	run(took + opt.seconds * AR_SEC);
	cpu = proc_cpu_ns(opt.pid) - cpu;
	mine = proc_cpu_ns(getpid()) - mine;
	took = ar_now() - took;
	printf("{\"poses\":%llu,\"refused\":%llu,\"patches\":%llu,\"p50_us\":%u,\"p90_us\":%u,"
	       "\"p99_us\":%u,\"cpu\":%.3f,\"load_cpu\":%.3f}\n",
		(unsigned long long)poses, (unsigned long long)refused, (unsigned long long)patches,
		percentile(0.5), percentile(0.9), percentile(0.99),
		(double)cpu / 1e3 / (double)took, (double)mine / 1e3 / (double)took);
}

int main(int argc, char **argv)
{
	struct transport_conf tc = {.max_peers = MAX_UES};
	uint64_t deadline;
	int c;

	while ((c = getopt(argc, argv, "p:n:z:t:")) != -1) {
		unsigned v = (unsigned)atoi(optarg);

		*(c == 'p'         ? (unsigned *)&opt.pid
			: c == 'n' ? &opt.n
			: c == 'z' ? &opt.hz
				   : &opt.seconds) = v;
	}
	opt.n *= 2;
	if (!opt.pid || !opt.n || opt.n > MAX_UES || !opt.hz || opt.hz > 200)
		die("-p pid; calls 1 to 256, 1 to 200 Hz");
	if (transport_new(&transport, &tc) != 0)
		die("no memory");
	make_ues();
	tell_ours();
	read_theirs();
	deadline = ar_now() + SETUP_TIME;
	while (nready < opt.n && ar_now() < deadline)
		run(ar_now() + 50 * AR_MS);
	if (nready < opt.n)
		die("not all UEs have their scene");
	measure();
	return 0;
}
