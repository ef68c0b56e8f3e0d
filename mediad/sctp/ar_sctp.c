/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/sctp/ar_sctp_int.h"
#include "common/daemon/ar_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define COMMON_HEADER 12 /* RFC 9260 3.1 */
#define MAX_PACKET 16384 /* a DTLS record's */
#define DATA_HEADER 16
_Static_assert(PEER_FRAGMENT == AR_SCTP_MTU - COMMON_HEADER - DATA_HEADER, "what a packet takes");
#define HEARTBEAT 4 /* RFC 9260 3.2 */
#define HEARTBEAT_ACK 5
#define RTO_INITIAL 500 /* ms */
#define RTO_MIN 200
#define RTO_MAX 4000
#define SETUP_RTO_MAX 1000 /* INIT and COOKIE ECHO: a lost one must not cost many seconds */
#define MAX_RETRANSMITS 20 /* in a row; the peer's consent timer ends it before */
/* The only path is never given up by itself: acknowledged retransmissions do not count for it
 * (Karn), and once it were inactive, without heartbeats nothing would ever be sent again. */
#define PATH_MAX_RETRANSMITS UINT16_MAX
#define ASK_AFTER AR_SEC /* without any acknowledgement */
#define QUEUE_KEEP (64 * 1024) /* memory that an empty queue may keep */
#define QUEUE_CONTROL (64 * 1024) /* over PEER_SEND_QUEUE, for DCEP and resets */

struct ar_sctp_queued {
	struct ar_sctp_msg msg;
	uint32_t len;
	bool reset; /* no message: reset msg.stream here */
};

static int set(struct ar_sctp *s, int option, const void *v, socklen_t n)
{
	return usrsctp_setsockopt(s->so, IPPROTO_SCTP, option, v, n) == 0 ? 0 : -errno;
}

static int set_events(struct ar_sctp *s)
{
	static const uint16_t types[] = {SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT,
		SCTP_STREAM_RESET_EVENT, SCTP_PARTIAL_DELIVERY_EVENT};
	struct sctp_event ev = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_on = 1};
	int err = 0;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]) && !err; i++) {
		ev.se_type = types[i];
		err = set(s, SCTP_EVENT, &ev, sizeof(ev));
	}
	return err;
}

static int set_rto(struct ar_sctp *s, uint32_t max)
{
	struct sctp_rtoinfo rto = {
		.srto_initial = RTO_INITIAL, .srto_max = max, .srto_min = RTO_MIN};

	return set(s, SCTP_RTOINFO, &rto, sizeof(rto));
}

static int set_options(struct ar_sctp *s)
{
	uint16_t streams = ar_sctp_map_inside(&s->map);
	uint32_t on = 1, whole = PEER_MAX_MESSAGE + 1;
	struct linger abort_on_close = {.l_onoff = 1, .l_linger = 0};
	struct sctp_assoc_value reset = {SCTP_FUTURE_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ};
	struct sctp_initmsg init = {.sinit_num_ostreams = streams,
		.sinit_max_instreams = streams,
		.sinit_max_attempts = MAX_RETRANSMITS,
		.sinit_max_init_timeo = SETUP_RTO_MAX};
	struct sctp_assocparams assoc = {.sasoc_asocmaxrxt = MAX_RETRANSMITS};
	int err;

	if (usrsctp_set_non_blocking(s->so, 1) != 0 ||
		usrsctp_setsockopt(
			s->so, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof(abort_on_close)) != 0)
		return -errno;
	/* each returns 0 or a negative errno: the first failure counts */
	if ((err = set(s, SCTP_NODELAY, &on, sizeof(on))) ||
		(err = set(s, SCTP_ENABLE_STREAM_RESET, &reset, sizeof(reset))) ||
		(err = set(s, SCTP_INITMSG, &init, sizeof(init))) ||
		(err = set_rto(s, SETUP_RTO_MAX)) ||
		(err = set(s, SCTP_ASSOCINFO, &assoc, sizeof(assoc))) ||
		(err = set(s, SCTP_PARTIAL_DELIVERY_POINT, &whole, sizeof(whole))))
		return err;
	return set_events(s);
}

/* The path: fixed MTU (no ICMP reaches us), heartbeats only where no consent runs. */
static int set_path(struct ar_sctp *s, const struct sockaddr_conn *to, const struct ar_sctp_conf *c)
{
	/* over AF_CONN usrsctp counts the path MTU without the common header */
	struct sctp_paddrparams p = {.spp_pathmtu = AR_SCTP_MTU - COMMON_HEADER,
		.spp_hbinterval = c->heartbeat_ms,
		.spp_pathmaxrxt = PATH_MAX_RETRANSMITS,
		.spp_flags =
			SPP_PMTUD_DISABLE | (c->heartbeat_ms ? SPP_HB_ENABLE : SPP_HB_DISABLE)};

	memcpy(&p.spp_address, to, sizeof(*to));
	return set(s, SCTP_PEER_ADDR_PARAMS, &p, sizeof(p));
}

static int open_socket(struct ar_sctp *s, const struct ar_sctp_conf *c)
{
	void *opaque = (void *)(uintptr_t)s->id;
	struct sockaddr_conn a = {
		.sconn_family = AF_CONN, .sconn_port = htons(c->local_port), .sconn_addr = s->addr};
	socklen_t n = sizeof(uint32_t);
	uint32_t limit = 0;
	int err;

	s->so = usrsctp_socket(
		AF_CONN, SOCK_STREAM, IPPROTO_SCTP, ar_sctp_on_receive, ar_sctp_on_sent, 0, opaque);
	if (!s->so)
		return -ENOMEM;
	err = set_options(s);
	if (err)
		return err;
	if (usrsctp_getsockopt(s->so, SOL_SOCKET, SO_SNDBUF, &limit, &n) == 0)
		s->sndbuf = limit;
	if (usrsctp_bind(s->so, (struct sockaddr *)&a, sizeof(a)) != 0)
		return -errno;
	a.sconn_port = htons(c->remote_port);
	if (usrsctp_connect(s->so, (struct sockaddr *)&a, sizeof(a)) != 0 && errno != EINPROGRESS)
		return -errno;
	return set_path(s, &a, c);
}

int ar_sctp_new(struct ar_sctp **sp, const struct ar_sctp_conf *conf,
	const struct ar_sctp_handlers *h, void *arg, uint64_t now)
{
	struct ar_sctp *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->h = *h;
	s->arg = arg;
	ar_sctp_map_init(&s->map, conf->streams);
	s->skip_stream = -1;
	s->acked_at = now;
	s->heartbeat = conf->heartbeat_ms != 0;
	ar_buf_init(&s->queue.buf,
		2 * (PEER_SEND_QUEUE + QUEUE_CONTROL)); /* records have heads: 1 in 24 at worst */
	ar_sctp_stack_catch_up(now);
	err = ar_sctp_stack_add(s);
	if (err) {
		free(s);
		return err;
	}
	ar_sctp_stack_busy(s);
	err = open_socket(s, conf);
	if (err) {
		ar_sctp_free(s);
		return err;
	}
	*sp = s;
	return 0;
}

void ar_sctp_free(struct ar_sctp *s)
{
	if (!s)
		return;
	if (s->so)
		usrsctp_close(s->so); /* SO_LINGER 0: ABORT goes out through send() now */
	ar_sctp_stack_remove(s);
	ar_buf_free(&s->queue.buf);
	ar_sctp_repeat_free(&s->repeat);
	free(s);
}

/* Alone in its packet. It starts no timer: a thousand idle UEs must not keep the stack ticking. */
static bool is_heartbeat(struct ar_span packet)
{
	const uint8_t *chunk = (const uint8_t *)packet.p + COMMON_HEADER;
	size_t n = (size_t)chunk[2] << 8 | chunk[3];

	return (chunk[0] == HEARTBEAT || chunk[0] == HEARTBEAT_ACK) &&
	       COMMON_HEADER + ((n + 3) & ~(size_t)3) >= packet.n;
}

void ar_sctp_input(struct ar_sctp *s, struct ar_span packet, uint64_t now)
{
	uint8_t buf[MAX_PACKET];

	/* usrsctp expects a common header and one chunk header at least */
	if (s->down || packet.n < 16 || packet.n > MAX_PACKET)
		return;
	if (!is_heartbeat(packet))
		ar_sctp_stack_catch_up(now);
	if (s->map.on) {
		memcpy(buf, packet.p, packet.n);
		ar_sctp_map_packet_in(&s->map, buf, packet.n);
		packet.p = (char *)buf;
	}
	usrsctp_conninput(s->addr, packet.p, packet.n, 0);
	ar_sctp_stack_repeat(s, packet, now);
	ar_sctp_stack_deliver();
	ar_sctp_after_input(s, now);
}

static struct ar_sctp_run *run_at(struct ar_sctp *s, unsigned i)
{
	return &s->run[(s->run_first + i) % AR_SCTP_MAX_RUNS];
}

/* usrsctp tells only how much is left of all streams together. */
static void note_sent(struct ar_sctp *s, uint16_t stream, size_t n)
{
	s->run_bytes += n;
	if (!s->nrun || (run_at(s, s->nrun - 1)->stream != stream && s->nrun < AR_SCTP_MAX_RUNS))
		*run_at(s, s->nrun++) = (struct ar_sctp_run){.stream = stream};
	run_at(s, s->nrun - 1)->bytes += (uint32_t)n;
}

void ar_sctp_settle(struct ar_sctp *s)
{
	while (s->nrun && s->run_bytes > s->in_stack) {
		struct ar_sctp_run *r = &s->run[s->run_first];
		size_t gone = s->run_bytes - s->in_stack;

		gone = gone < r->bytes ? gone : r->bytes;
		r->bytes -= (uint32_t)gone;
		s->run_bytes -= gone;
		if (r->bytes)
			return;
		s->run_first = (s->run_first + 1) % AR_SCTP_MAX_RUNS;
		s->nrun--;
	}
}

/* One message into usrsctp. -EAGAIN: its buffer is full. */
static int push(struct ar_sctp *s, const struct ar_sctp_msg *m, struct ar_span data)
{
	struct sctp_sendv_spa spa = {.sendv_flags = SCTP_SEND_SNDINFO_VALID};
	uint16_t stream = ar_sctp_map_in(&s->map, m->stream);

	if (stream == AR_SCTP_MAP_NONE)
		return -EINVAL;
	spa.sendv_sndinfo.snd_sid = stream;
	spa.sendv_sndinfo.snd_ppid = htonl(m->ppid);
	spa.sendv_sndinfo.snd_flags = (uint16_t)(SCTP_EOR | (m->unordered ? SCTP_UNORDERED : 0));
	ar_sctp_repeat_stream(&s->repeat, stream, m->max_retr < 0 && m->max_time < 0);
	if (m->max_retr >= 0 || m->max_time >= 0) {
		spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
		spa.sendv_prinfo.pr_policy = m->max_retr >= 0 ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
		spa.sendv_prinfo.pr_value =
			(uint32_t)(m->max_retr >= 0 ? m->max_retr : m->max_time);
	}
	if (usrsctp_sendv(s->so, data.p, data.n, NULL, 0, &spa, sizeof(spa), SCTP_SENDV_SPA, 0) >=
		0) {
		s->in_stack += data.n;
		note_sent(s, m->stream, data.n);
		ar_sctp_stack_busy(s);
		return 0;
	}
	if (errno == EWOULDBLOCK || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
		return -EAGAIN;
	return errno == EINVAL || errno == EMSGSIZE ? -EINVAL : -ENOTCONN;
}

static bool queue_empty(const struct ar_sctp_queue *q)
{
	return q->head == q->buf.n;
}

static int enqueue(struct ar_sctp *s, const struct ar_sctp_queued *rec, struct ar_span data)
{
	struct ar_sctp_queue *q = &s->queue;
	size_t limit = PEER_SEND_QUEUE + (rec->msg.control ? QUEUE_CONTROL : 0);
	int err;

	if (q->bytes + data.n > limit)
		return -ENOBUFS;
	if (q->head > QUEUE_KEEP && q->head > q->buf.n / 2) {
		ar_buf_consume(&q->buf, q->head);
		q->head = 0;
	}
	err = ar_buf_reserve(&q->buf, sizeof(*rec) + data.n);
	if (err) {
		q->buf.err = 0;
		return err;
	}
	ar_buf_add(&q->buf, rec, sizeof(*rec));
	ar_buf_add_span(&q->buf, data);
	q->bytes += data.n;
	ar_sctp_stack_busy(s);
	return 0;
}

int ar_sctp_send(struct ar_sctp *s, const struct ar_sctp_msg *m, struct ar_span data)
{
	struct ar_sctp_queued rec = {.msg = *m, .len = (uint32_t)data.n};
	int err = -EAGAIN;

	if (!s->up || s->down)
		return -ENOTCONN;
	if (m->stream >= s->streams)
		return -EINVAL;
	if (queue_empty(&s->queue))
		err = push(s, m, data);
	return err == -EAGAIN ? enqueue(s, &rec, data) : err;
}

static int reset_now(struct ar_sctp *s, uint16_t stream)
{
	uint64_t store[2] = {0}; /* the struct ends in a list of one */
	struct sctp_reset_streams *r = (void *)store;
	uint16_t inside = ar_sctp_map_in(&s->map, stream);

	if (inside == AR_SCTP_MAP_NONE)
		return -EOPNOTSUPP;
	r->srs_flags = SCTP_STREAM_RESET_OUTGOING;
	r->srs_number_streams = 1;
	r->srs_stream_list[0] = inside;
	/* EALREADY, EAGAIN: marked, and sent when the one before is answered */
	if (set(s, SCTP_RESET_STREAMS, r, sizeof(*r) + sizeof(uint16_t)) == -EOPNOTSUPP)
		return -EOPNOTSUPP;
	s->resets++;
	ar_sctp_stack_busy(s);
	return 0;
}

int ar_sctp_reset_stream(struct ar_sctp *s, uint16_t stream)
{
	struct ar_sctp_queued rec = {.msg = {.stream = stream, .control = true}, .reset = true};

	if (!s->up || s->down)
		return -ENOTCONN;
	return queue_empty(&s->queue) ? reset_now(s, stream) : enqueue(s, &rec, AR_SPAN_NONE);
}

static void drain(struct ar_sctp *s)
{
	struct ar_sctp_queue *q = &s->queue;
	struct ar_sctp_queued rec;

	while (!queue_empty(q) && !s->down) {
		const char *p = q->buf.p + q->head;

		memcpy(&rec, p, sizeof(rec));
		if (rec.reset) {
			if (reset_now(s, rec.msg.stream) != 0)
				s->h.on_reset(s->arg, rec.msg.stream,
					AR_SCTP_RESET_OUT | AR_SCTP_RESET_IN);
		} else if (push(s, &rec.msg, (struct ar_span){p + sizeof(rec), rec.len}) ==
			   -EAGAIN) {
			return;
		}
		q->head += sizeof(rec) + rec.len;
		q->bytes -= rec.len;
	}
	q->head = 0;
	ar_buf_reset(&q->buf);
	if (q->buf.cap > QUEUE_KEEP)
		ar_buf_free(&q->buf);
}

static void go_down(struct ar_sctp *s, const char *why)
{
	s->down = true;
	s->h.on_down(s->arg, why);
}

void ar_sctp_after_input(struct ar_sctp *s, uint64_t now)
{
	if (s->lost && !s->down)
		go_down(s, "out of memory");
	if (!s->acked || s->down)
		return;
	s->acked = false;
	s->acked_at = now;
	drain(s);
	s->h.on_acked(s->arg);
}

/*
 * usrsctp may give data up without telling (PR-SCTP before the first transmission): ask now and
 * then. Turning SCTP_SENDER_DRY_EVENT on reports at once when nothing is left; SCTP_STATUS does not
 * count what is queued behind a closed window.
 */
static void ask_whether_dry(struct ar_sctp *s, uint64_t now)
{
	struct sctp_event ev = {
		.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = SCTP_SENDER_DRY_EVENT, .se_on = 1};

	if (s->acked_at + ASK_AFTER > now)
		return;
	s->acked_at = now;
	set(s, SCTP_EVENT, &ev, sizeof(ev));
	ev.se_on = 0; /* or it would come with every acknowledgement */
	set(s, SCTP_EVENT, &ev, sizeof(ev));
	ar_sctp_stack_deliver();
}

bool ar_sctp_is_busy(struct ar_sctp *s, uint64_t now)
{
	if (s->down)
		return false;
	if (s->in_stack && s->up)
		ask_whether_dry(s, now);
	return !s->up || s->in_stack || s->acked || s->resets || !queue_empty(&s->queue);
}

size_t ar_sctp_buffered(const struct ar_sctp *s)
{
	return s->in_stack + s->queue.bytes;
}

size_t ar_sctp_buffered_on(const struct ar_sctp *s, uint16_t stream)
{
	size_t n = s->queue.bytes; /* it waits behind all of that */

	for (unsigned i = 0; i < s->nrun; i++) {
		const struct ar_sctp_run *r = &s->run[(s->run_first + i) % AR_SCTP_MAX_RUNS];

		n += r->stream == stream ? r->bytes : 0;
	}
	return n;
}

uint16_t ar_sctp_streams(const struct ar_sctp *s)
{
	return s->streams;
}

uint32_t ar_sctp_rtt_us(struct ar_sctp *s)
{
	struct sctp_status st = {0};
	socklen_t n = sizeof(st);

	if (!s->up || s->down || usrsctp_getsockopt(s->so, IPPROTO_SCTP, SCTP_STATUS, &st, &n) != 0)
		return 0;
	return st.sstat_primary.spinfo_srtt * 1000;
}

static void on_assoc_change(struct ar_sctp *s, const union sctp_notification *n)
{
	const struct sctp_assoc_change *c = &n->sn_assoc_change;
	uint16_t in = c->sac_inbound_streams, out = c->sac_outbound_streams;

	switch (c->sac_state) {
	case SCTP_COMM_UP:
		s->up = true;
		set_rto(s, RTO_MAX); /* a failure leaves the lower maximum */
		s->streams = ar_sctp_map_usable(&s->map, in < out ? in : out);
		s->h.on_up(s->arg, s->streams);
		return;
	case SCTP_RESTART:
		go_down(s, "SCTP restarted by the UE");
		return;
	case SCTP_SHUTDOWN_COMP:
		go_down(s, "SCTP closed by the UE");
		return;
	case SCTP_CANT_STR_ASSOC:
		go_down(s, "SCTP association refused or not answered");
		return;
	default: /* SCTP_COMM_LOST */
		go_down(s, s->up ? "SCTP aborted or lost" : "SCTP association not answered");
	}
}

static void on_stream_reset(struct ar_sctp *s, const union sctp_notification *n, size_t len)
{
	const struct sctp_stream_reset_event *r = &n->sn_strreset_event;
	unsigned count, what = 0;

	if (len < sizeof(*r) || r->strreset_length > len || r->strreset_length < sizeof(*r))
		return;
	count = (unsigned)((r->strreset_length - sizeof(*r)) / sizeof(uint16_t));
	if (r->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN)
		what |= AR_SCTP_RESET_IN;
	if (r->strreset_flags & SCTP_STREAM_RESET_OUTGOING_SSN)
		what |= AR_SCTP_RESET_OUT;
	if (r->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED))
		what |= AR_SCTP_RESET_FAILED;
	if (what & AR_SCTP_RESET_OUT) {
		s->resets -= s->resets < count ? s->resets : count;
		s->acked = true; /* what was sent on such a stream meanwhile waits for that */
	}
	for (unsigned i = 0; i < count && !s->down; i++)
		s->h.on_reset(s->arg, ar_sctp_map_out(&s->map, r->strreset_stream_list[i]), what);
	if (!count)
		s->h.on_reset(s->arg, AR_SCTP_ALL_STREAMS, what);
}

static void on_notification(struct ar_sctp *s, const struct ar_sctp_event *e)
{
	const union sctp_notification *n = e->data;

	if (!n || e->len < sizeof(n->sn_header))
		return;
	if (n->sn_header.sn_type == SCTP_ASSOC_CHANGE && e->len >= sizeof(struct sctp_assoc_change))
		on_assoc_change(s, n);
	else if (n->sn_header.sn_type == SCTP_SHUTDOWN_EVENT)
		/* a UE that says this goes away, and may be gone before the rest of RFC 9260 9.2 */
		go_down(s, "SCTP closed by the UE");
	else if (n->sn_header.sn_type == SCTP_STREAM_RESET_EVENT)
		on_stream_reset(s, n, e->len);
	else if (n->sn_header.sn_type == SCTP_PARTIAL_DELIVERY_EVENT)
		s->skip_stream = -1;
	else if (n->sn_header.sn_type == SCTP_SENDER_DRY_EVENT) {
		s->in_stack = 0;
		ar_sctp_settle(s);
		s->acked = true;
	}
}

void ar_sctp_handle(struct ar_sctp *s, const struct ar_sctp_event *e)
{
	uint16_t stream = ar_sctp_map_out(&s->map, e->stream);
	bool skipping = s->skip_stream == stream;

	if (s->down)
		return;
	if (!e->data && !e->notification) {
		go_down(s, "SCTP closed by the UE");
		return;
	}
	if (e->notification) {
		on_notification(s, e);
		return;
	}
	/* the partial delivery point is over PEER_MAX_MESSAGE: a piece means too long a message */
	if (!e->whole || skipping || e->len > PEER_MAX_MESSAGE) {
		if (!skipping)
			s->h.on_message(s->arg, stream, e->ppid, AR_SPAN_NONE, true);
		s->skip_stream = e->whole ? -1 : stream;
		return;
	}
	s->h.on_message(s->arg, stream, e->ppid, (struct ar_span){e->data, e->len}, false);
}
