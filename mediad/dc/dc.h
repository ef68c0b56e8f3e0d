/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data channels of one association (RFC 8831): pre-negotiated by dcmap (RFC 8864, no DCEP) or
 * opened in-band by either side (RFC 8832). Closing is a stream reset both ways (RFC 6525); an id
 * is free again only when both directions are done.
 *
 * Called by peer.c only. Handlers may close channels and send; they must not free the dc.
 */
#ifndef DC_H
#define DC_H

#include "common/ar_buf.h"
#include "mediad/peer.h"
#include "mediad/sctp/ar_sctp.h"

enum dc_ppid { /* RFC 8831 8 */
	DC_PPID_DCEP = 50,
	DC_PPID_TEXT = 51,
	DC_PPID_BINARY_PARTIAL = 52, /* deprecated: understood, never sent */
	DC_PPID_BINARY = 53,
	DC_PPID_TEXT_PARTIAL = 54,
	DC_PPID_TEXT_EMPTY = 56,
	DC_PPID_BINARY_EMPTY = 57,
};

enum dc_state {
	DC_FREE,
	DC_NEGOTIATED, /* waits for the association */
	DC_OPENING, /* our OPEN is not acknowledged: usable, ordered (RFC 8832 6) */
	DC_OPEN,
	DC_CLOSING,
};

struct dc_channel {
	struct peer_channel ch;
	enum dc_state state;
	bool from_sdp, out_reset, in_reset, told; /* told: on_channel_closed was called */
	uint8_t reset_tries, late; /* late: results still to come of the id's channel before */
	struct ar_buf partial; /* PPID 52 and 54 */
};

struct dc_handlers {
	void (*on_channel)(void *arg, const struct peer_channel *ch);
	void (*on_channel_closed)(void *arg, uint16_t id);
	void (*on_message)(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data);
};

struct dc {
	struct dc_channel
		*channel[PEER_MAX_CHANNELS]; /* slots stay where they are, and are reused */
	unsigned nchannel;
	struct ar_sctp *sctp;
	bool up, client; /* client: DTLS client, opens even ids (RFC 8832 6) */
	uint16_t streams;
	size_t partial_bytes;
	uint64_t dropped; /* messages on no channel, bad DCEP, too long */
	const struct dc_handlers *h;
	void *arg;
};

/* -EINVAL with *why: a bad id, a doubled one, both limits, too many; -ENOMEM. Copies the channels;
 * dc_free() also after a failure. */
int dc_init(struct dc *dc, const struct peer_channel *ch, unsigned n, const struct dc_handlers *h,
	void *arg, const char **why) __attribute__((warn_unused_result));
void dc_free(struct dc *dc);
/* Streams that an association needs for these channels: highest id + 1, at least
 * AR_SCTP_MIN_STREAMS, at most PEER_MAX_STREAMS. */
uint16_t dc_streams(const struct dc *dc);

/* The association is up: the negotiated channels open. */
void dc_on_up(struct dc *dc, struct ar_sctp *sctp, bool client, uint16_t streams);
/* The association is gone; a new one may come. All channels end; negotiated ones open again. */
void dc_on_down(struct dc *dc);
void dc_on_message(
	struct dc *dc, uint16_t stream, uint32_t ppid, struct ar_span data, bool oversize);
void dc_on_reset(struct dc *dc, uint16_t stream, unsigned what);

/* 0, -ENOENT, -ENOTCONN, -ENOBUFS. */
int dc_send(struct dc *dc, uint16_t id, enum peer_kind kind, struct ar_span data)
	__attribute__((warn_unused_result));
/* Opens in-band; ch->id UINT16_MAX: picks a free one of our parity. Returns the id, or -ENOTCONN,
 * -EEXIST, -ENOSPC, -EINVAL. */
int dc_open(struct dc *dc, const struct peer_channel *ch) __attribute__((warn_unused_result));
int dc_close(struct dc *dc, uint16_t id); /* 0, -ENOENT, -ENOTCONN */

#endif
