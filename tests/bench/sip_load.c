/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callers and callees for a P-CSCF under load: one process, both ends of every call, with the
 * timers of RFC 3261 17.1 and 13.3.1.4, so that a datagram lost is sent again and only a call lost
 * is lost.
 *
 *   sip_load -P PROXY -a CALLER -b CALLEE -n CALLS -r RATE -o OFFER -w ANSWER
 *            [-t CONTACT-PARAMETERS] [-u CALLEE-URI] [-R RING-MS] [-H HOLD-MS] [-d PERCENT]
 *
 * Ports of 127.0.0.1; OFFER and ANSWER are files. Each call is INVITE, 180, after RING 200, ACK,
 * after HOLD the caller's BYE. -d drops so many of what comes in. One JSON line at the end: lost
 * calls and why, retransmissions, time from INVITE to 200 without the ringing, and what the data
 * channel's section of each description had become on its way: ours (another's in its place), raw
 * (as it was sent) or closed (port 0); changed: its audio was not what was sent, byte for byte.
 */
#include "tests/bench/sip_load.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define T1 (500 * AR_MS)
#define T2 (4 * AR_SEC)
#define GIVE_UP (64 * T1)
#define ANSWER_IN (60 * AR_SEC) /* after a provisional response */
#define LINGER (500 * AR_MS) /* for what is sent again at the end */

enum side { UAC, UAS };
enum uac_state { NEW, CALLING, PROCEEDING, UP, CLEARING, DONE, LOST };
enum uas_state { IDLE, RINGING, ANSWERED, CONFIRMED };

struct end {
	unsigned state, timer; /* timer: the one in the heap that counts */
	uint64_t interval, until;
	struct ar_buf msg, other; /* sent again: INVITE, BYE and ACK; 200 and 180 */
};

struct call {
	struct end end[2];
	struct ar_buf target, routes, to; /* of the caller's requests inside the dialog */
	struct sockaddr_in via; /* where the callee's responses go */
	uint64_t began;
};

struct due {
	uint64_t at;
	unsigned call, timer;
	enum side side;
};

struct media {
	char *text, *audio;
	char *without; /* with the data channel at port 0 */
	size_t n, naudio, nwithout;
	char ufrag[80];
};

struct seen {
	unsigned ours, raw, closed, changed;
};

static struct {
	unsigned proxy, port[2], n, rate, ring, hold, drop, started, over;
	const char *tags, *callee;
	struct media media[2];
	struct sip_port sock[2];
	struct sockaddr_in to;
	struct call *calls;
	struct due *heap;
	unsigned nheap, cap, seed;
	unsigned good, unanswered, refused, unended, unacked, again, strange;
	struct seen seen[2];
	unsigned *setup_us;
	unsigned nsetup;
} g;

/* ---- timers: a heap; one that was replaced is known by its number ---- */

static bool earlier(const struct due *a, const struct due *b)
{
	return a->at < b->at;
}

static void heap_push(struct due d)
{
	unsigned i = g.nheap++;

	if (g.nheap > g.cap) {
		g.cap = g.cap ? g.cap * 2 : 4096;
		g.heap = realloc(g.heap, g.cap * sizeof(*g.heap));
		if (!g.heap)
			abort();
	}
	for (; i && earlier(&d, &g.heap[(i - 1) / 2]); i = (i - 1) / 2)
		g.heap[i] = g.heap[(i - 1) / 2];
	g.heap[i] = d;
}

static struct due heap_pop(void)
{
	struct due top = g.heap[0], last = g.heap[--g.nheap];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < g.nheap) {
		if (child + 1 < g.nheap && earlier(&g.heap[child + 1], &g.heap[child]))
			child++;
		if (!earlier(&g.heap[child], &last))
			break;
		g.heap[i] = g.heap[child];
		i = child;
	}
	g.heap[i] = last;
	return top;
}

static void arm(struct call *c, enum side side, uint64_t in)
{
	unsigned n = (unsigned)(c - g.calls);

	heap_push((struct due){ar_now() + in, n, ++c->end[side].timer, side});
}

static void disarm(struct call *c, enum side side)
{
	c->end[side].timer++;
}

/* ---- messages ---- */

static bool has(struct ar_span s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static struct ar_span media_of(enum side side)
{
	return (struct ar_span){g.media[side].text, g.media[side].n};
}

/* RFC 3264 6: what was offered at port 0 is answered so. */
static struct ar_span answer_to(struct ar_span offer)
{
	const struct media *m = &g.media[UAS];
	struct ar_span closed = {m->without, m->nwithout};

	if (has(offer, "m=application 0 "))
		return closed;
	return media_of(UAS);
}

static void begin(struct ar_buf *b)
{
	if (!b->max)
		ar_buf_init(b, SIP_MAX);
	ar_buf_reset(b);
}

static void end_with(struct ar_buf *b, enum side side, struct ar_span sdp)
{
	ar_buf_printf(b, "Contact: <sip:%s@127.0.0.1:%u>%s\r\n", side == UAC ? "alice" : "bob",
		g.port[side], g.tags);
	if (sdp.n)
		ar_buf_printf(b, "Content-Type: application/sdp\r\n");
	ar_buf_printf(b, "Content-Length: %zu\r\n\r\n", sdp.n);
	ar_buf_add_span(b, sdp);
	if (ar_buf_err(b))
		abort();
}

static void request(struct call *c, struct ar_buf *b, const char *method, unsigned cseq)
{
	unsigned n = (unsigned)(c - g.calls);
	bool inside = c->to.n > 0;
	struct ar_span sdp = media_of(UAC);

	if (inside)
		sdp.n = 0;
	begin(b);
	ar_buf_printf(b, "%s %.*s SIP/2.0\r\n", method,
		inside ? (int)c->target.n : (int)strlen(g.callee), inside ? c->target.p : g.callee);
	ar_buf_printf(b, "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bK%u-%u-%s\r\n",
		g.port[UAC], n, cseq, method);
	ar_buf_printf(b, "Max-Forwards: 70\r\n");
	ar_buf_add_span(b, ar_buf_span(&c->routes));
	ar_buf_printf(b, "From: <sip:alice@ims.example>;tag=A%u\r\nTo: ", n);
	if (inside)
		ar_buf_add_span(b, ar_buf_span(&c->to));
	else
		ar_buf_printf(b, "<%s>", g.callee);
	ar_buf_printf(
		b, "\r\nCall-ID: %u-%d@load\r\nCSeq: %u %s\r\n", n, (int)getpid(), cseq, method);
	end_with(b, UAC, sdp);
}

static void response(struct ar_buf *b, const struct sip_msg *m, const char *status, const char *tag,
	struct ar_span sdp)
{
	begin(b);
	ar_buf_printf(b, "SIP/2.0 %s\r\n", status);
	for (unsigned i = 0; i < m->nvia; i++)
		ar_buf_add_span(b, m->via[i]);
	for (unsigned i = 0; i < m->nroute; i++)
		ar_buf_add_span(b, m->route[i]);
	ar_buf_printf(b, "From: %.*s\r\nTo: %.*s%s\r\n", (int)m->from.n, m->from.p, (int)m->to.n,
		m->to.p, tag);
	ar_buf_printf(b, "Call-ID: %.*s\r\nCSeq: %.*s\r\n", (int)m->callid.n, m->callid.p,
		(int)m->cseq.n, m->cseq.p);
	end_with(b, UAS, sdp);
}

static void send_buf(struct call *c, enum side side, const struct ar_buf *b)
{
	sip_port_send(&g.sock[side], ar_buf_span(b), side == UAC ? &g.to : &c->via);
}

/* ---- what came with it ---- */

/* A description of `from`, as the other end sees it. */
static void look(enum side from, struct ar_span body)
{
	const struct media *m = &g.media[from];
	struct seen *s = &g.seen[from];

	if (!has(body, "m=application ") || has(body, "m=application 0 "))
		s->closed++;
	else if (has(body, m->ufrag))
		s->raw++;
	else
		s->ours++;
	if (!memmem(body.p, body.n, m->audio, m->naudio))
		s->changed++;
}

static void over(struct call *c, enum uac_state state)
{
	c->end[UAC].state = state;
	disarm(c, UAC);
	g.over++;
}

/* ---- the caller ---- */

static void set_dialog(struct call *c, const struct sip_msg *m)
{
	const char *lt = memchr(m->contact.p, '<', m->contact.n);
	const char *gt = lt ? memchr(lt, '>', (size_t)(m->contact.p + m->contact.n - lt)) : NULL;

	begin(&c->target);
	begin(&c->routes);
	begin(&c->to);
	if (gt)
		ar_buf_add(&c->target, lt + 1, (size_t)(gt - lt - 1));
	for (unsigned i = m->nroute; i--;) {
		const char *colon = memchr(m->route[i].p, ':', m->route[i].n);

		ar_buf_add_str(&c->routes, "Route");
		ar_buf_add(&c->routes, colon, (size_t)(m->route[i].p + m->route[i].n - colon));
	}
	ar_buf_add_span(&c->to, m->to);
}

static void on_invite_final(struct call *c, const struct sip_msg *m)
{
	struct end *e = &c->end[UAC];

	if (m->status >= 300) {
		g.refused++;
		over(c, LOST);
		return; /* its repetitions stop by themselves: Timer H */
	}
	if (g.nsetup < g.n)
		g.setup_us[g.nsetup++] = (unsigned)(ar_now() - c->began);
	look(UAS, m->body);
	set_dialog(c, m);
	request(c, &e->other, "ACK", 1);
	send_buf(c, UAC, &e->other);
	e->state = UP;
	arm(c, UAC, g.hold * AR_MS);
}

static void on_response(struct call *c, const struct sip_msg *m)
{
	struct end *e = &c->end[UAC];
	bool invite = ar_span_eq(m->method, ar_span_str("INVITE"));

	if (invite && m->status < 200 && e->state == CALLING) {
		e->state = PROCEEDING;
		e->until = ar_now() + ANSWER_IN;
		arm(c, UAC, ANSWER_IN);
	} else if (invite && m->status >= 200 && (e->state == CALLING || e->state == PROCEEDING)) {
		on_invite_final(c, m);
	} else if (invite && m->status >= 200 && m->status < 300 && e->state > PROCEEDING &&
		   e->other.n) {
		g.again++;
		send_buf(c, UAC, &e->other);
	} else if (!invite && m->status >= 200 && e->state == CLEARING) {
		if (m->status < 300)
			g.good++;
		else
			g.refused++;
		over(c, m->status < 300 ? DONE : LOST);
	}
}

static void repeat(struct call *c, enum side side, uint64_t most)
{
	struct end *e = &c->end[side];

	g.again++;
	send_buf(c, side, &e->msg);
	e->interval = e->interval * 2 > most ? most : e->interval * 2;
	arm(c, side, e->interval);
}

static void transact(struct call *c, enum side side)
{
	struct end *e = &c->end[side];

	e->interval = T1;
	e->until = ar_now() + GIVE_UP;
	send_buf(c, side, &e->msg);
	arm(c, side, T1);
}

static void caller_timer(struct call *c)
{
	struct end *e = &c->end[UAC];

	if (e->state == UP) {
		request(c, &e->msg, "BYE", 2);
		e->state = CLEARING;
		transact(c, UAC);
	} else if (ar_now() >= e->until) {
		if (e->state == CLEARING)
			g.unended++;
		else
			g.unanswered++;
		over(c, LOST);
	} else {
		repeat(c, UAC, e->state == CLEARING ? T2 : GIVE_UP);
	}
}

/* ---- the callee ---- */

static void on_invite(struct call *c, const struct sip_msg *m, const struct sockaddr_in *from)
{
	struct end *e = &c->end[UAS];
	char tag[24];

	if (e->state == RINGING)
		send_buf(c, UAS, &e->other);
	else if (e->state == ANSWERED)
		send_buf(c, UAS, &e->msg);
	if (e->state != IDLE)
		return;
	look(UAC, m->body);
	c->via = *from;
	snprintf(tag, sizeof(tag), ";tag=B%u", (unsigned)(c - g.calls));
	response(&e->other, m, "180 Ringing", tag, (struct ar_span){0});
	response(&e->msg, m, "200 OK", tag, answer_to(m->body));
	send_buf(c, UAS, &e->other);
	e->state = RINGING;
	arm(c, UAS, g.ring * AR_MS);
}

static void callee_timer(struct call *c)
{
	struct end *e = &c->end[UAS];

	if (e->state == RINGING) {
		e->state = ANSWERED;
		transact(c, UAS);
	} else if (ar_now() >= e->until) {
		g.unacked++;
	} else {
		repeat(c, UAS, T2);
	}
}

static void on_request(struct call *c, const struct sip_msg *m, const struct sockaddr_in *from)
{
	struct end *e = &c->end[UAS];
	struct ar_buf b = {0};

	if (ar_span_eq(m->method, ar_span_str("INVITE"))) {
		on_invite(c, m, from);
	} else if (ar_span_eq(m->method, ar_span_str("ACK"))) {
		if (e->state == ANSWERED) {
			e->state = CONFIRMED;
			disarm(c, UAS);
		}
	} else if (ar_span_eq(m->method, ar_span_str("BYE"))) {
		if (e->state != CONFIRMED) { /* the ACK was lost, and the call is over */
			e->state = CONFIRMED;
			disarm(c, UAS);
		}
		response(&b, m, "200 OK", "", (struct ar_span){0});
		sip_port_send(&g.sock[UAS], ar_buf_span(&b), from);
		ar_buf_free(&b);
	} else {
		g.strange++;
	}
}

/* ---- both ---- */

static struct call *find(struct ar_span callid)
{
	unsigned n = 0, pid = 0;
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)callid.n, callid.p);
	if (sscanf(text, "%u-%u@load", &n, &pid) != 2 || n >= g.started ||
		pid != (unsigned)getpid())
		return NULL;
	return &g.calls[n];
}

static bool dropped(void)
{
	g.seed = g.seed * 1664525 + 1013904223;
	return (g.seed >> 16) % 100 < g.drop;
}

static void on_message(void *arg, struct ar_span text, const struct sockaddr_in *from)
{
	enum side side = *(enum side *)arg;
	struct sip_msg m;
	struct call *c;

	if (g.drop && dropped())
		return;
	c = sip_read(&m, text) == 0 ? find(m.callid) : NULL;
	if (!c || (m.status != 0) != (side == UAC))
		g.strange++;
	else if (side == UAC)
		on_response(c, &m);
	else
		on_request(c, &m, from);
}

static void start_one(void)
{
	struct call *c = &g.calls[g.started++];

	c->began = ar_now();
	request(c, &c->end[UAC].msg, "INVITE", 1);
	c->end[UAC].state = CALLING;
	transact(c, UAC);
}

static void timers(void)
{
	while (g.nheap && g.heap[0].at <= ar_now()) {
		struct due d = heap_pop();
		struct call *c = &g.calls[d.call];

		if (c->end[d.side].timer != d.timer)
			continue;
		if (d.side == UAC)
			caller_timer(c);
		else
			callee_timer(c);
	}
}

static int wait_ms(uint64_t next_call)
{
	uint64_t now = ar_now(), at = g.started < g.n ? next_call : now + LINGER / 5;

	if (g.nheap && g.heap[0].at < at)
		at = g.heap[0].at;
	return at <= now ? 0 : (int)((at - now) / AR_MS) + 1;
}

static void run(void)
{
	uint64_t began = ar_now(), quiet = 0;
	static const enum side sides[] = {UAC, UAS};

	while (g.over < g.n || ar_now() - quiet < LINGER) {
		struct pollfd p[2] = {{.fd = g.sock[UAC].fd, .events = POLLIN},
			{.fd = g.sock[UAS].fd, .events = POLLIN}};

		poll(p, 2, wait_ms(began + (uint64_t)g.started * AR_SEC / g.rate));
		for (int i = 0; i < 2; i++) {
			for (int left = 8; p[i].revents && left &&
					   sip_port_read(&g.sock[i], on_message,
						   (void *)&sides[i]) == SIP_BATCH;)
				left--;
		}
		timers();
		while (g.started < g.n && ar_now() >= began + (uint64_t)g.started * AR_SEC / g.rate)
			start_one();
		sip_port_flush(&g.sock[UAC]);
		sip_port_flush(&g.sock[UAS]);
		if (g.over == g.n && !quiet)
			quiet = ar_now();
	}
}

/* ---- from the command line to the figures ---- */

static void make_without(struct media *m, const char *path)
{
	const char *p = strstr(m->text, "m=application "), *port = p ? strchr(p, ' ') + 1 : NULL;
	const char *rest = port ? strchr(port, ' ') : NULL;
	int n = rest ? asprintf(&m->without, "%.*s0%s", (int)(port - m->text), m->text, rest) : -1;

	if (n < 0) {
		fprintf(stderr, "%s: no data channel\n", path);
		exit(2);
	}
	m->nwithout = (size_t)n;
}

static void read_media(struct media *m, const char *path)
{
	FILE *f = fopen(path, "rb");
	const char *p;

	m->text = calloc(1, SIP_MAX);
	if (!f || !m->text) {
		perror(path);
		exit(2);
	}
	m->n = fread(m->text, 1, SIP_MAX - 2048, f);
	fclose(f);
	p = strstr(m->text, "a=ice-ufrag:");
	m->audio = strstr(m->text, "m=audio ");
	if (!p || !m->audio) {
		fprintf(stderr, "%s: no audio, or no data channel\n", path);
		exit(2);
	}
	snprintf(m->ufrag, sizeof(m->ufrag), "%.*s\r\n", (int)strcspn(p, "\r\n"), p);
	p = strstr(m->audio + 1, "m=");
	m->naudio = p ? (size_t)(p - m->audio) : strlen(m->audio);
	make_without(m, path);
}

static unsigned number(const char *s)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (!*s || *end || v > 1000000) {
		fprintf(stderr, "%s: no number that fits\n", s);
		exit(2);
	}
	return (unsigned)v;
}

static void options(int argc, char **argv)
{
	const struct {
		char letter;
		unsigned *to;
	} numbers[] = {{'P', &g.proxy}, {'a', &g.port[UAC]}, {'b', &g.port[UAS]}, {'n', &g.n},
		{'r', &g.rate}, {'R', &g.ring}, {'H', &g.hold}, {'d', &g.drop}};
	int o;

	while ((o = getopt(argc, argv, "P:a:b:n:r:R:H:d:o:w:t:u:")) != -1) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			if (numbers[i].letter == o)
				*numbers[i].to = number(optarg);
		}
		if (o == 'o' || o == 'w')
			read_media(&g.media[o == 'o' ? UAC : UAS], optarg);
		else if (o == 't')
			g.tags = optarg;
		else if (o == 'u')
			g.callee = optarg;
		else if (o == '?')
			exit(2);
	}
	if (!g.proxy || !g.port[UAC] || !g.port[UAS] || !g.n || !g.rate || !g.media[UAC].text ||
		!g.media[UAS].text) {
		fprintf(stderr, "sip_load: -P -a -b -n -r -o -w are needed\n");
		exit(2);
	}
}

static int by_size(const void *a, const void *b)
{
	return *(const unsigned *)a < *(const unsigned *)b ? -1 : 1;
}

static double setup_ms(double part)
{
	double us = g.nsetup ? g.setup_us[(unsigned)(part * (g.nsetup - 1))] : 0;

	return us / 1000 - g.ring;
}

static void print_seen(const char *name, const struct seen *s)
{
	printf(", \"%s\": {\"ours\": %u, \"raw\": %u, \"closed\": %u, \"changed\": %u}", name,
		s->ours, s->raw, s->closed, s->changed);
}

static void report(uint64_t took)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	qsort(g.setup_us, g.nsetup, sizeof(*g.setup_us), by_size);
	printf("{\"calls\": %u, \"good\": %u, \"lost\": %u, \"unanswered\": %u, \"refused\": %u, "
	       "\"unended\": %u, \"unacked\": %u, \"again\": %u, \"strange\": %u, \"full\": %llu",
		g.n, g.good, g.n - g.good, g.unanswered, g.refused, g.unended, g.unacked, g.again,
		g.strange, (unsigned long long)(g.sock[UAC].full + g.sock[UAS].full));
	print_seen("offers", &g.seen[UAC]);
	print_seen("answers", &g.seen[UAS]);
	printf(", \"setup_ms\": [%.1f, %.1f, %.1f], \"seconds\": %.2f, \"cpu\": %.3f}\n",
		setup_ms(0.5), setup_ms(0.99), setup_ms(1), (double)took / AR_SEC,
		(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

static void close_all(void)
{
	for (unsigned i = 0; i < g.n; i++) {
		struct call *c = &g.calls[i];
		struct ar_buf *all[] = {&c->end[UAC].msg, &c->end[UAC].other, &c->end[UAS].msg,
			&c->end[UAS].other, &c->target, &c->routes, &c->to};

		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			ar_buf_free(all[k]);
	}
	free(g.calls);
	free(g.setup_us);
	free(g.heap);
	for (int i = 0; i < 2; i++) {
		free(g.media[i].text);
		free(g.media[i].without);
	}
}

int main(int argc, char **argv)
{
	uint64_t began = ar_now();

	g.ring = 100;
	g.hold = 200;
	g.tags = "";
	g.callee = "sip:bob@ims.example";
	g.seed = 1;
	options(argc, argv);
	g.to = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)g.proxy),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	g.calls = calloc(g.n, sizeof(*g.calls));
	g.setup_us = calloc(g.n, sizeof(*g.setup_us));
	if (!g.calls || !g.setup_us)
		return 2;
	for (int i = 0; i < 2; i++)
		sip_port_open(&g.sock[i], g.port[i]);
	run();
	report(ar_now() - began);
	close_all();
	return 0;
}
