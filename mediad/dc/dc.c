/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dc/dc.h"
#include "mediad/dc/dcep.h"

#include <errno.h>
#include <stdlib.h>

#define RESET_TRIES 3

static struct dc_channel *find(struct dc *dc, uint16_t id)
{
	for (unsigned i = 0; i < dc->nchannel; i++) {
		if (dc->channel[i]->state != DC_FREE && dc->channel[i]->ch.id == id)
			return dc->channel[i];
	}
	return NULL;
}

/* A free slot, emptied; NULL: PEER_MAX_CHANNELS are in use, or no memory. */
static struct dc_channel *take_slot(struct dc *dc)
{
	struct dc_channel *c;

	for (unsigned i = 0; i < dc->nchannel; i++) {
		if (dc->channel[i]->state == DC_FREE)
			return dc->channel[i];
	}
	if (dc->nchannel == PEER_MAX_CHANNELS)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	ar_buf_init(&c->partial, PEER_MAX_MESSAGE);
	return dc->channel[dc->nchannel++] = c;
}

static void clear(struct dc *dc, struct dc_channel *c)
{
	dc->partial_bytes -= c->partial.n;
	ar_buf_free(&c->partial);
	*c = (struct dc_channel){.state = DC_FREE};
	ar_buf_init(&c->partial, PEER_MAX_MESSAGE);
}

static const char *check_channel(struct dc *dc, const struct peer_channel *ch)
{
	if (ch->id >= PEER_MAX_STREAMS)
		return "channel id over the highest stream id that we take (PEER_MAX_STREAMS)";
	if (find(dc, ch->id))
		return "channel id given twice";
	if (ch->max_retr >= 0 && ch->max_time >= 0)
		return "max-retr and max-time on one channel";
	return NULL;
}

int dc_init(struct dc *dc, const struct peer_channel *ch, unsigned n, const struct dc_handlers *h,
	void *arg, const char **why)
{
	*dc = (struct dc){.h = h, .arg = arg};
	*why = n > PEER_MAX_CHANNELS ? "more channels than PEER_MAX_CHANNELS" : NULL;
	for (unsigned i = 0; i < n && !*why; i++) {
		struct dc_channel *c;

		*why = check_channel(dc, &ch[i]);
		if (*why)
			break;
		c = take_slot(dc);
		if (!c) {
			*why = "out of memory";
			return -ENOMEM;
		}
		c->ch = ch[i];
		c->state = DC_NEGOTIATED;
		c->from_sdp = true;
	}
	return *why ? -EINVAL : 0;
}

void dc_free(struct dc *dc)
{
	for (unsigned i = 0; i < dc->nchannel; i++) {
		ar_buf_free(&dc->channel[i]->partial);
		free(dc->channel[i]);
	}
	dc->nchannel = 0;
}

uint16_t dc_streams(const struct dc *dc)
{
	uint16_t n = AR_SCTP_MIN_STREAMS;

	for (unsigned i = 0; i < dc->nchannel; i++) {
		if (dc->channel[i]->state != DC_FREE && dc->channel[i]->ch.id >= n)
			n = (uint16_t)(dc->channel[i]->ch.id + 1);
	}
	return n;
}

/* Ends what the owner knows of it; the slot stays until both directions are reset. */
static void tell_closed(struct dc *dc, struct dc_channel *c)
{
	if (c->told)
		return;
	c->told = true;
	dc->h->on_channel_closed(dc->arg, c->ch.id);
}

static void reset_out(struct dc *dc, struct dc_channel *c)
{
	int err = ar_sctp_reset_stream(dc->sctp, c->ch.id);

	/* without RFC 6525 there is nothing to wait for */
	if (err)
		c->out_reset = c->in_reset = true;
}

static void finish_if_done(struct dc *dc, struct dc_channel *c)
{
	if (!c->out_reset || !c->in_reset)
		return;
	tell_closed(dc, c);
	clear(dc, c);
}

static void start_close(struct dc *dc, struct dc_channel *c)
{
	if (c->state == DC_CLOSING)
		return;
	c->state = DC_CLOSING;
	reset_out(dc, c);
	finish_if_done(dc, c);
}

void dc_on_up(struct dc *dc, struct ar_sctp *sctp, bool client, uint16_t streams)
{
	dc->sctp = sctp;
	dc->up = true;
	dc->client = client;
	dc->streams = streams;
	for (unsigned i = 0; i < dc->nchannel && dc->up; i++) {
		struct dc_channel *c = dc->channel[i];

		if (c->state != DC_NEGOTIATED)
			continue;
		if (c->ch.id >= streams) {
			/* never silently: messages on it would vanish */
			c->told = false;
			tell_closed(dc, c);
			clear(dc, c);
			continue;
		}
		c->state = DC_OPEN;
		dc->h->on_channel(dc->arg, &c->ch);
	}
}

void dc_on_down(struct dc *dc)
{
	dc->up = false;
	dc->sctp = NULL;
	for (unsigned i = 0; i < dc->nchannel; i++) {
		struct dc_channel *c = dc->channel[i];

		if (c->state == DC_FREE)
			continue;
		if (c->from_sdp && c->state == DC_OPEN) {
			struct peer_channel ch = c->ch;

			tell_closed(dc, c);
			clear(dc, c);
			*c = (struct dc_channel){
				.ch = ch, .state = DC_NEGOTIATED, .from_sdp = true};
			ar_buf_init(&c->partial, PEER_MAX_MESSAGE);
		} else if (c->state != DC_NEGOTIATED) {
			tell_closed(dc, c);
			clear(dc, c);
		}
	}
}

static int send_dcep(struct dc *dc, uint16_t id, struct ar_span data)
{
	struct ar_sctp_msg m = {.stream = id,
		.ppid = DC_PPID_DCEP,
		.control = true,
		.max_retr = -1,
		.max_time = -1};

	return ar_sctp_send(dc->sctp, &m, data);
}

/*
 * A UE that takes an id again has seen both directions reset (RFC 8831 6.7). Its answer to our
 * request may be lost or late: the channel that was there is over all the same, and what usrsctp
 * still reports of it is not about the next one.
 */
static uint8_t give_up_id(struct dc *dc, struct dc_channel *c)
{
	uint8_t late = (uint8_t)(c->late + 1);

	c->out_reset = true;
	finish_if_done(dc, c);
	return late;
}

static void on_open(struct dc *dc, uint16_t stream, struct ar_span data)
{
	struct dc_channel *c = find(dc, stream);
	struct peer_channel ch = {.id = stream};
	static const char ack[1] = {DCEP_ACK};
	uint8_t late = 0;

	if (c && c->state == DC_CLOSING && c->in_reset && c->late < UINT8_MAX) {
		late = give_up_id(dc, c);
		c = find(dc, stream); /* the owner may have opened it */
	}
	if (c) {
		/* an id that SDP negotiated, or one already open: a violation (RFC 8832 6) */
		dc->dropped++;
		start_close(dc, c);
		return;
	}
	if (dcep_read_open(&ch, data) != 0 || !(c = take_slot(dc))) {
		dc->dropped++;
		if (ar_sctp_reset_stream(dc->sctp, stream) != 0)
			dc->dropped++;
		return;
	}
	c->ch = ch;
	c->late = late;
	c->state = DC_OPEN;
	if (send_dcep(dc, stream, (struct ar_span){ack, sizeof(ack)}) != 0) {
		start_close(dc, c);
		return;
	}
	dc->h->on_channel(dc->arg, &c->ch);
}

static void on_dcep(struct dc *dc, uint16_t stream, struct ar_span data)
{
	struct dc_channel *c = find(dc, stream);

	if (!dcep_is_ack(data)) {
		on_open(dc, stream, data);
		return;
	}
	if (c && c->state == DC_OPENING) {
		c->state = DC_OPEN;
		dc->h->on_channel(dc->arg, &c->ch);
	} else {
		dc->dropped++;
	}
}

/* Deprecated fragments of PPID 52 and 54: kept until the last one; all channels together may hold
 * one largest message. */
static void on_partial(struct dc *dc, struct dc_channel *c, struct ar_span data)
{
	if (dc->partial_bytes + data.n > PEER_MAX_MESSAGE ||
		ar_buf_add_span(&c->partial, data) != 0) {
		dc->dropped++;
		start_close(dc, c);
		return;
	}
	dc->partial_bytes += data.n;
}

static void on_whole(struct dc *dc, struct dc_channel *c, enum peer_kind kind, struct ar_span data)
{
	uint16_t id = c->ch.id;

	if (!c->partial.n) {
		dc->h->on_message(dc->arg, id, kind, data);
		return;
	}
	on_partial(dc, c, data);
	if (c->state == DC_FREE || c->state == DC_CLOSING)
		return;
	/* taken out first: the handler may close the channel */
	struct ar_buf whole = c->partial;

	ar_buf_init(&c->partial, PEER_MAX_MESSAGE);
	dc->partial_bytes -= whole.n;
	dc->h->on_message(dc->arg, id, kind, ar_buf_span(&whole));
	ar_buf_free(&whole);
}

static void on_user(struct dc *dc, struct dc_channel *c, uint32_t ppid, struct ar_span data)
{
	switch (ppid) {
	case DC_PPID_TEXT:
		on_whole(dc, c, PEER_TEXT, data);
		return;
	case DC_PPID_BINARY:
		on_whole(dc, c, PEER_BINARY, data);
		return;
	case DC_PPID_TEXT_EMPTY:
		on_whole(dc, c, PEER_TEXT, (struct ar_span){"", 0});
		return;
	case DC_PPID_BINARY_EMPTY:
		on_whole(dc, c, PEER_BINARY, (struct ar_span){"", 0});
		return;
	case DC_PPID_TEXT_PARTIAL:
	case DC_PPID_BINARY_PARTIAL:
		on_partial(dc, c, data);
		return;
	default: /* RFC 8831 6.6 */
		dc->dropped++;
		start_close(dc, c);
	}
}

void dc_on_message(
	struct dc *dc, uint16_t stream, uint32_t ppid, struct ar_span data, bool oversize)
{
	struct dc_channel *c = find(dc, stream);

	if (ppid == DC_PPID_DCEP && !oversize) {
		on_dcep(dc, stream, data);
		return;
	}
	if (!c || c->state == DC_CLOSING) {
		dc->dropped++;
		return;
	}
	if (oversize) {
		dc->dropped++;
		start_close(dc, c);
		return;
	}
	if (c->state == DC_OPENING) { /* any message acknowledges too */
		c->state = DC_OPEN;
		dc->h->on_channel(dc->arg, &c->ch);
		c = find(dc, stream);
		if (!c || c->state != DC_OPEN)
			return;
	}
	on_user(dc, c, ppid, data);
}

static void on_channel_reset(struct dc *dc, struct dc_channel *c, unsigned what)
{
	if (what & AR_SCTP_RESET_OUT && c->late) {
		c->late--;
		what &= ~(unsigned)(AR_SCTP_RESET_OUT | AR_SCTP_RESET_FAILED);
	}
	if (what & AR_SCTP_RESET_IN)
		c->in_reset = true;
	if (what & AR_SCTP_RESET_OUT) {
		if (what & AR_SCTP_RESET_FAILED && ++c->reset_tries < RESET_TRIES)
			reset_out(dc, c);
		else
			c->out_reset = true;
	}
	if (c->in_reset && c->state != DC_CLOSING) {
		c->state = DC_CLOSING;
		reset_out(dc, c);
	}
	if (c->in_reset)
		tell_closed(dc, c);
	finish_if_done(dc, c);
}

void dc_on_reset(struct dc *dc, uint16_t stream, unsigned what)
{
	/* a refused request for the other direction is not ours to make */
	if (what == (AR_SCTP_RESET_IN | AR_SCTP_RESET_FAILED))
		return;
	for (unsigned i = 0; i < dc->nchannel && dc->up; i++) {
		struct dc_channel *c = dc->channel[i];

		if (c->state != DC_FREE && c->state != DC_NEGOTIATED &&
			(stream == AR_SCTP_ALL_STREAMS || c->ch.id == stream))
			on_channel_reset(dc, c, what);
	}
}

int dc_send(struct dc *dc, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct dc_channel *c = find(dc, id);
	struct ar_sctp_msg m = {
		.stream = id, .ppid = kind == PEER_TEXT ? DC_PPID_TEXT : DC_PPID_BINARY};

	if (!dc->up)
		return -ENOTCONN;
	if (!c || (c->state != DC_OPEN && c->state != DC_OPENING))
		return -ENOENT;
	m.unordered = !c->ch.ordered && c->state == DC_OPEN;
	m.max_retr = c->ch.max_retr;
	m.max_time = c->ch.max_time;
	if (data.n == 0) { /* SCTP has no empty messages (RFC 8831 6.6) */
		m.ppid = kind == PEER_TEXT ? DC_PPID_TEXT_EMPTY : DC_PPID_BINARY_EMPTY;
		data = (struct ar_span){"", 1};
	}
	return ar_sctp_send(dc->sctp, &m, data);
}

static int pick_id(struct dc *dc)
{
	for (unsigned id = dc->client ? 0 : 1; id < dc->streams; id += 2) {
		if (!find(dc, (uint16_t)id))
			return (int)id;
	}
	return -ENOSPC;
}

int dc_open(struct dc *dc, const struct peer_channel *ch)
{
	uint8_t open[DCEP_MAX];
	struct dc_channel *c;
	int id = ch->id, err;

	if (!dc->up)
		return -ENOTCONN;
	if (id == UINT16_MAX)
		id = pick_id(dc);
	if (id < 0)
		return id;
	if (find(dc, (uint16_t)id))
		return -EEXIST;
	if (id >= dc->streams || (ch->max_retr >= 0 && ch->max_time >= 0))
		return -EINVAL;
	c = take_slot(dc);
	if (!c)
		return -ENOSPC;
	c->ch = *ch;
	c->ch.id = (uint16_t)id;
	c->state = DC_OPENING;
	err = send_dcep(
		dc, c->ch.id, (struct ar_span){(char *)open, dcep_write_open(open, &c->ch)});
	if (err)
		clear(dc, c);
	return err ? err : id;
}

int dc_close(struct dc *dc, uint16_t id)
{
	struct dc_channel *c = find(dc, id);

	if (!dc->up)
		return -ENOTCONN;
	if (!c || c->state == DC_CLOSING)
		return -ENOENT;
	start_close(dc, c);
	return 0;
}
