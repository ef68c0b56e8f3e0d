/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One UE's media connection: ICE-lite, DTLS, SCTP, data channels, in that order; or, for the audio
 * and video of the ARMF, ICE-lite, DTLS, SRTP (or SDES-SRTP or plain RTP alone, as mediad.conf
 * allows). DCMF and ARMF (TS 23.228 AC), Mb reference point.
 *
 * No socket and no clock: datagrams and `now` (microseconds, monotonic) come in, datagrams go out
 * through the handlers, the owner asks peer_next_timeout(). usrsctp and libssl read the clock
 * themselves. One thread: the worker's loop. The owner of a peer is its context (mediad/dcmf). A
 * peer is never freed inside one of its own handlers: peer_close() marks it, peer_free() comes
 * from the loop.
 */
#ifndef PEER_H
#define PEER_H

#include "common/sdp_dc.h"
#include "mediad/srtp/rtpsec.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#define PEER_MAX_CHANNELS 64
#define PEER_MAX_STREAMS 1024 /* SCTP streams of one association: highest id + 1 */
#define PEER_MAX_MESSAGE (256 * 1024) /* largest message accepted, advertised in SDP */
#define PEER_MAX_EARLY 8 /* datagrams held until the answer is known */
#define PEER_MAX_RTP 2048 /* bytes of one RTP datagram */
#define PEER_FRAGMENT                                                                              \
	1132 /* bytes of a message in one packet: pieces of bulk are multiples of it */
#define PEER_SEND_QUEUE (4 * 1024 * 1024) /* unsent bytes; over it -ENOBUFS */

enum peer_state {
	PEER_WAITING, /* the UE's description is not known yet */
	PEER_CHECKING, /* no valid STUN check (or, without ICE, no ClientHello) yet */
	PEER_HANDSHAKE, /* DTLS or SCTP going on */
	PEER_CONNECTED,
	PEER_CLOSED,
};

struct peer_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct peer_channel { /* pre-negotiated (dcmap, RFC 8864) or opened in-band (DCEP, RFC 8832) */
	uint16_t id;
	bool ordered;
	int32_t max_retr, max_time; /* -1 unset */
	char subprotocol[64], label[128];
};

enum peer_media {
	PEER_DATA, /* data channels */
	PEER_DTLS_SRTP, /* RFC 5764 */
	PEER_SDES_SRTP, /* RFC 4568: the keys come with the description */
	PEER_PLAIN_RTP,
};

struct peer_keys { /* SDES: master key and salt */
	enum rtpsec_profile profile;
	uint8_t tx[RTPSEC_MAX_KEY], rx[RTPSEC_MAX_KEY];
};

struct peer_conf {
	enum peer_media media;
	enum ar_setup setup; /* ours: ACTPASS until the UE's answer decides */
	const struct peer_channel *channel; /* from dcmap; copied */
	unsigned nchannel;
	const char *log_call; /* Call-ID for the log; copied */
};

/* What the UE's description says; borrowed for the call only. */
struct peer_remote {
	struct ar_span ufrag, pwd;
	bool ice_lite; /* no checks will come: the address below, exactly */
	struct ar_span fingerprint[AR_DC_MAX_FINGERPRINTS];
	unsigned nfingerprint;
	enum ar_setup setup; /* ours, settled: ACTIVE or PASSIVE */
	uint16_t sctp_port;
	uint64_t max_message_size; /* 0: any */
	struct peer_addr addr; /* c= and m= port; len 0 when unusable */
	uint16_t rtcp_port; /* without ICE: where RTCP goes and comes from; 0: with the RTP */
	const struct peer_keys *keys; /* PEER_SDES_SRTP */
	bool addr_verified; /* as a UE does: no cookie, ordinary retransmission, INIT at once */
};

enum peer_kind { PEER_TEXT, PEER_BINARY };

struct peer;

struct peer_handlers {
	void (*send)(void *arg, struct ar_span datagram, const struct peer_addr *to);
	void (*on_state)(void *arg, enum peer_state state, const char *reason);
	void (*on_channel)(void *arg, const struct peer_channel *ch); /* usable from now on */
	void (*on_channel_closed)(void *arg, uint16_t id);
	/* data is valid during the call only */
	void (*on_message)(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data);
	/* unsent and unacknowledged bytes fell below what peer_watch_buffered() set */
	void (*on_writable)(void *arg);
	/* RTP or RTCP, decrypted; may be written over during the call. NULL: not a media peer */
	void (*on_rtp)(void *arg, uint8_t *packet, size_t n, bool rtcp);
};

struct peer_times { /* microseconds since peer_new, 0: not yet */
	uint64_t ice, dtls, sctp;
};

struct peer_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_messages, tx_messages;
	uint64_t stun_ok, stun_bad, use_candidate, dtls_bad, early_held, early_dropped, dropped;
	uint64_t srtp_bad, srtp_replayed, srtp_ssrcs, latched; /* ssrcs: packets of one too many */
	uint32_t rtt_us;
	struct peer_times at;
	struct peer_addr selected;
};

struct transport; /* per worker: certificate, SSL_CTX, SCTP stack; mediad/transport.h */

int peer_new(struct peer **pp, struct transport *t, const struct peer_conf *conf,
	const struct peer_handlers *h, void *arg, uint64_t now) __attribute__((warn_unused_result));
void peer_free(struct peer *p);
/* Ends it towards the UE (SCTP ABORT, close_notify); state CLOSED, no handler but send afterwards.
 */
void peer_close(struct peer *p, const char *reason);

/* Local credentials, terminated, valid until peer_restart_ice(). */
const char *peer_ufrag(const struct peer *p);
const char *peer_pwd(const struct peer *p);

/* The UE's description is known, or has changed (ICE restart). -EINVAL with *why static text. */
int peer_set_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
	__attribute__((warn_unused_result));

/* Would it be taken? Changes nothing. Of a closed peer: by a fresh one in its place. */
int peer_check_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
	__attribute__((warn_unused_result));

/* One datagram that the demultiplexer found to be this peer's. */
void peer_input(
	struct peer *p, struct ar_span datagram, const struct peer_addr *from, uint64_t now);
uint64_t peer_next_timeout(const struct peer *p); /* AR_NEVER: none */
void peer_on_timer(struct peer *p, uint64_t now);

/*
 * One message on an open channel. 0, -ENOTCONN, -ENOENT (no such channel), -EMSGSIZE (over the
 * UE's max-message-size), -ENOBUFS (PEER_SEND_QUEUE reached).
 */
int peer_send(struct peer *p, uint16_t id, enum peer_kind kind, struct ar_span data)
	__attribute__((warn_unused_result));
/* Bytes given to peer_send and not acknowledged by the UE yet: what pacing looks at. */
size_t peer_buffered(const struct peer *p);
/* Bytes a second that were acknowledged lately; 0: not known. What the line can, while it is full.
 */
uint32_t peer_rate(const struct peer *p);
size_t peer_buffered_on(const struct peer *p, uint16_t id); /* of one channel */
/* of all channels; a higher one that waits already stays. 0: none */
void peer_watch_buffered(struct peer *p, size_t below);
size_t peer_max_message(const struct peer *p); /* of the UE; PEER_MAX_MESSAGE when it takes any */
/* One RTP or RTCP packet of n bytes, protected in place; cap: what there is room for, at least
 * n + RTPSEC_ROOM. -ENOTCONN, -ENOBUFS, -EINVAL. */
int peer_send_rtp(struct peer *p, uint8_t *packet, size_t n, size_t cap, bool rtcp)
	__attribute__((warn_unused_result));
/* Opens a channel in-band (RFC 8832); id UINT16_MAX: any free one. on_channel tells when the UE has
 * acknowledged it; sending may start at once. Returns the id, or -ENOTCONN, -EEXIST, -ENOSPC,
 * -EINVAL (id over the association's streams). */
int peer_open_channel(struct peer *p, const struct peer_channel *ch)
	__attribute__((warn_unused_result));
/* Stream reset; on_channel_closed tells when the UE has done its part. 0, -ENOENT, -ENOTCONN. */
int peer_close_channel(struct peer *p, uint16_t id);
/* New local ufrag and pwd for an answer to an ICE restart (RFC 8839 4.4.1.1.1); the old ones are
 * accepted until the first check with the new. */
int peer_restart_ice(struct peer *p) __attribute__((warn_unused_result));

enum peer_state peer_state(const struct peer *p);
const char *peer_state_name(enum peer_state s); /* "waiting" ... as in docs/mrm.md */
void peer_get_stats(const struct peer *p, struct peer_stats *s);

#endif
