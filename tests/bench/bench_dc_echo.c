/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data channel echo over loopback: what one message in and one out cost the server, saturated.
 *
 *   bench_dc_echo [-n peers] [-w window] [-s bytes] [-t seconds]
 *       forks an echo server on our transport and loads it
 *   bench_dc_echo -e pid name ...
 *       loads the server with this process id, descriptions as JSON lines on standard input and
 *       output (bench_dc_echo.mjs); our side is ICE-lite, the server checks
 *
 * Server on the first core, load on the last. CPU from /proc/PID/stat or schedstat of all threads.
 */
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "mediad/transport.h"
#include "tests/lib/proc_cpu.h"
#include "tests/lib/udp_batch.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PEERS 256
#define CHANNEL 1000
#define WARM (500 * AR_MS)
#define STAMP 16 /* hexadecimal microseconds at the start of a message */
#define SLOTS 4096 /* latency histogram, 10 us each */

struct facts { /* one side's description, in memory that both processes see */
	char ufrag[64], pwd[64];
	uint16_t port;
};

struct shared {
	struct facts server[MAX_PEERS], load[MAX_PEERS];
	char print[2][256];
	volatile int server_ready, load_ready;
};

struct client {
	struct peer *peer;
	struct udp_batch *udp;
	uint16_t port;
	bool open;
	unsigned in_flight;
};

static struct {
	unsigned peers, window, seconds;
	size_t size;
	const char *name;
	pid_t server;
} opt = {.peers = 20, .window = 8, .seconds = 4, .size = 300, .name = "ims-ar"};

static struct transport *transport;
static struct client client[MAX_PEERS];
static uint64_t echoes, slot[SLOTS];
static bool measuring, go; /* go: all channels are open */

static void die(const char *what)
{
	fprintf(stderr, "bench_dc_echo: %s\n", what);
	exit(2);
}

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where it is refused the figures are noisier */
}

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	udp_batch_send(*(struct udp_batch **)arg, d, to);
}

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg;
	if (s == PEER_CLOSED)
		die(reason);
}

static void on_channel_closed(void *arg, uint16_t id)
{
	(void)arg;
	(void)id;
}

static void on_writable(void *arg)
{
	(void)arg;
}

/* --- the server ---------------------------------------------------------------------------- */

struct echo {
	struct udp_batch *udp; /* first: on_send() */
	struct peer *peer;
};

static void server_channel(void *arg, const struct peer_channel *ch)
{
	(void)arg;
	(void)ch;
}

static void server_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	if (peer_send(((struct echo *)arg)->peer, id, kind, data) != 0)
		die("echo refused");
}

static void to_transport(void *arg, struct ar_span d, const struct peer_addr *from)
{
	transport_input(transport, d, from, *(uint64_t *)arg);
}

static int timeout_ms(uint64_t at)
{
	uint64_t now = ar_now();

	if (at <= now)
		return 0;
	return at - now > 100 * AR_MS ? 100 : (int)((at - now + 999) / AR_MS);
}

static void serve(struct udp_batch *udp)
{
	struct pollfd p = {.fd = udp->fd, .events = POLLIN};

	for (;;) {
		uint64_t now;

		poll(&p, 1, timeout_ms(transport_next_timeout(transport)));
		now = ar_now();
		udp_batch_read(udp, to_transport, &now);
		if (transport_next_timeout(transport) <= now)
			transport_on_timer(transport, now);
		udp_batch_flush(udp);
	}
}

static const struct peer_channel channel = {
	.id = CHANNEL, .ordered = true, .max_retr = -1, .max_time = -1};

static struct peer_remote remote_of(const struct facts *f, const char *print, enum ar_setup setup)
{
	struct peer_remote r = {.ufrag = ar_span_str(f->ufrag),
		.pwd = ar_span_str(f->pwd),
		.ice_lite = true,
		.fingerprint = {ar_span_str(print)},
		.nfingerprint = 1,
		.setup = setup,
		.sctp_port = 5000};

	if (peer_addr_parse(&r.addr, "127.0.0.1", f->port) != 0)
		die("address");
	return r;
}

static void run_server(struct shared *sh)
{
	static const struct peer_handlers h = {on_send, on_state, server_channel, on_channel_closed,
		server_message, on_writable, NULL};
	static struct echo echo[MAX_PEERS];
	struct transport_conf tc = {.max_peers = MAX_PEERS};
	struct peer_conf pc = {.channel = &channel, .nchannel = 1};
	struct udp_batch *udp = calloc(1, sizeof(*udp));
	uint16_t port = 0;

	pin(0);
	if (!udp || transport_new(&transport, &tc) != 0)
		die("no memory");
	udp_batch_open(udp, "127.0.0.1", &port);
	snprintf(sh->print[0], sizeof(sh->print[0]), "%s", transport_fingerprint(transport));
	for (unsigned i = 0; i < opt.peers; i++)
		sh->server[i].port = port;
	sh->server_ready = 1;
	while (!sh->load_ready)
		usleep(1000);
	for (unsigned i = 0; i < opt.peers; i++) {
		struct peer_remote r = remote_of(&sh->load[i], sh->print[1], AR_SETUP_PASSIVE);
		const char *why;

		echo[i].udp = udp;
		if (peer_new(&echo[i].peer, transport, &pc, &h, &echo[i], ar_now()) != 0 ||
			peer_set_remote(echo[i].peer, &r, ar_now(), &why) != 0)
			die("peer");
	}
	serve(udp);
}

/* --- the load ------------------------------------------------------------------------------ */

struct load { /* first member as on_send() wants it */
	struct udp_batch *udp;
	struct client *c;
};

static struct load load[MAX_PEERS];

static void fire(struct client *c)
{
	static char text[65536];
	char stamp[STAMP + 1];

	if (!text[0])
		memset(text, 'x', sizeof(text));
	while (go && c->open && c->in_flight < opt.window) {
		snprintf(stamp, sizeof(stamp), "%016llx", (unsigned long long)ar_now());
		memcpy(text, stamp, STAMP);
		if (peer_send(c->peer, CHANNEL, PEER_TEXT, (struct ar_span){text, opt.size}) != 0)
			return;
		c->in_flight++;
	}
}

static void load_channel(void *arg, const struct peer_channel *ch)
{
	(void)ch;
	((struct load *)arg)->c->open = true;
	fire(((struct load *)arg)->c);
}

static void load_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct client *c = ((struct load *)arg)->c;
	char stamp[STAMP + 1] = "";
	uint64_t took;

	(void)id;
	(void)kind;
	c->in_flight--;
	if (measuring && data.n >= STAMP) {
		memcpy(stamp, data.p, STAMP);
		took = (ar_now() - strtoull(stamp, NULL, 16)) / 10;
		slot[took < SLOTS ? took : SLOTS - 1]++;
		echoes++;
	}
	fire(c);
}

static const struct peer_handlers load_handlers = {
	on_send, on_state, load_channel, on_channel_closed, load_message, on_writable, NULL};

static void make_load(void)
{
	struct transport_conf tc = {.max_peers = MAX_PEERS};
	struct peer_conf pc = {.channel = &channel, .nchannel = 1};

	if (transport_new(&transport, &tc) != 0)
		die("no memory");
	for (unsigned i = 0; i < opt.peers; i++) {
		client[i].udp = calloc(1, sizeof(struct udp_batch));
		if (!client[i].udp)
			die("no memory");
		load[i] = (struct load){client[i].udp, &client[i]};
		udp_batch_open(client[i].udp, "127.0.0.1", &client[i].port);
		if (peer_new(&client[i].peer, transport, &pc, &load_handlers, &load[i], ar_now()) !=
			0)
			die("peer");
	}
}

static void to_peer(void *arg, struct ar_span d, const struct peer_addr *from)
{
	peer_input(((struct client *)arg)->peer, d, from, ar_now());
}

static void run_load(uint64_t until)
{
	struct pollfd p[MAX_PEERS];

	for (unsigned i = 0; i < opt.peers; i++)
		p[i] = (struct pollfd){.fd = client[i].udp->fd, .events = POLLIN};
	while (ar_now() < until) {
		poll(p, opt.peers, timeout_ms(transport_next_timeout(transport)));
		for (unsigned i = 0; i < opt.peers; i++) {
			if (p[i].revents)
				udp_batch_read(client[i].udp, to_peer, &client[i]);
		}
		if (transport_next_timeout(transport) <= ar_now())
			transport_on_timer(transport, ar_now());
		for (unsigned i = 0; i < opt.peers; i++) {
			if (client[i].udp->nout)
				udp_batch_flush(client[i].udp);
		}
	}
}

static unsigned percentile(double share)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		sum += slot[i];
		if ((double)sum >= share * (double)echoes)
			return i * 10;
	}
	return SLOTS * 10;
}

/* Memory of its own that the server has touched. */
static long dirty_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0, v;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Dirty: %ld", &v) == 1)
			kb = v;
	}
	if (f)
		fclose(f);
	return kb;
}

static void measure(void)
{
	uint64_t setup = proc_cpu_ns(opt.server);
	long kb = dirty_kb(opt.server);
	uint64_t start, cpu;
	unsigned open = 0;

	for (unsigned i = 0; i < 100 && open < opt.peers; i++) {
		open = 0;
		for (unsigned k = 0; k < opt.peers; k++)
			open += client[k].open;
		run_load(ar_now() + WARM / 5);
	}
	if (open < opt.peers)
		die("not all channels opened");
	setup = proc_cpu_ns(opt.server) - setup;
	kb = dirty_kb(opt.server) - kb;
	go = true;
	for (unsigned i = 0; i < opt.peers; i++)
		fire(&client[i]);
	run_load(ar_now() + WARM);
	measuring = true;
	start = ar_now();
	cpu = proc_cpu_ns(opt.server);
	run_load(start + opt.seconds * AR_SEC);
	cpu = proc_cpu_ns(opt.server) - cpu;
	start = ar_now() - start;
	if (!echoes)
		die("no echo came back");
	printf("bench dc_echo server=%s peers=%u window=%u bytes=%zu messages/s=%.0f "
	       "cpu_us/message=%.2f p50_us=%u p99_us=%u setup_cpu_ms=%.2f kB/peer=%ld\n",
		opt.name, opt.peers, opt.window, opt.size, (double)echoes * 1e6 / (double)start,
		(double)cpu / 1000 / (double)echoes, percentile(0.5), percentile(0.99),
		(double)setup / 1e6 / opt.peers, kb / (long)opt.peers);
}

static void with_own_server(void)
{
	struct shared *sh =
		mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (sh == MAP_FAILED)
		die("no memory");
	opt.server = fork(); /* before usrsctp starts */
	if (opt.server == 0)
		run_server(sh);
	make_load();
	while (!sh->server_ready)
		usleep(1000);
	snprintf(sh->print[1], sizeof(sh->print[1]), "%s", transport_fingerprint(transport));
	for (unsigned i = 0; i < opt.peers; i++) {
		snprintf(sh->load[i].ufrag, sizeof(sh->load[i].ufrag), "%s",
			peer_ufrag(client[i].peer));
		snprintf(sh->load[i].pwd, sizeof(sh->load[i].pwd), "%s", peer_pwd(client[i].peer));
		sh->load[i].port = client[i].port;
	}
	sh->load_ready = 1;
	usleep(200000);
	for (unsigned i = 0; i < opt.peers; i++) {
		struct peer_remote r = remote_of(&sh->server[i], sh->print[0], AR_SETUP_ACTIVE);
		const char *why = "";

		r.addr_verified = true; /* one server for all */
		if (peer_set_remote(client[i].peer, &r, ar_now(), &why) != 0)
			die(why);
	}
	measure();
	kill(opt.server, SIGKILL);
	waitpid(opt.server, NULL, 0);
}

static void read_answer(struct client *c)
{
	char line[8192];
	json_t *o;
	struct peer_remote r = {.sctp_port = 5000, .setup = AR_SETUP_PASSIVE};
	const char *why = "", *ufrag, *pwd, *print;

	if (!fgets(line, sizeof(line), stdin))
		die("no answer");
	o = json_loads(line, 0, NULL);
	if (!o || json_unpack(o, "{s:s,s:s,s:s}", "ufrag", &ufrag, "pwd", &pwd, "fingerprint",
			  &print) != 0)
		die("bad answer");
	r.ufrag = ar_span_str(ufrag);
	r.pwd = ar_span_str(pwd);
	r.fingerprint[r.nfingerprint++] = ar_span_str(print);
	if (peer_set_remote(c->peer, &r, ar_now(), &why) != 0)
		die(why);
	json_decref(o);
}

static void with_external_server(void)
{
	make_load();
	for (unsigned i = 0; i < opt.peers; i++) {
		json_t *o = json_pack("{s:s,s:s,s:s,s:i}", "ufrag", peer_ufrag(client[i].peer),
			"pwd", peer_pwd(client[i].peer), "fingerprint",
			transport_fingerprint(transport), "port", client[i].port);
		char *s = json_dumps(o, JSON_COMPACT);

		puts(s);
		fflush(stdout);
		free(s);
		json_decref(o);
		read_answer(&client[i]);
	}
	measure();
}

int main(int argc, char **argv)
{
	bool external = false;
	int c;

	while ((c = getopt(argc, argv, "n:w:s:t:e:")) != -1) {
		if (c == 'n')
			opt.peers = (unsigned)atoi(optarg);
		else if (c == 'w')
			opt.window = (unsigned)atoi(optarg);
		else if (c == 's')
			opt.size = (size_t)atoi(optarg);
		else if (c == 't')
			opt.seconds = (unsigned)atoi(optarg);
		else if (c == 'e')
			external = true, opt.server = atoi(optarg);
		else
			return 2;
	}
	if (!opt.peers || opt.peers > MAX_PEERS || opt.size < STAMP || opt.size > 65536)
		die("peers 1 to 256, bytes 16 to 65536");
	if (optind < argc)
		opt.name = argv[optind];
	pin((int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	if (external)
		with_external_server();
	else
		with_own_server();
	return 0;
}
