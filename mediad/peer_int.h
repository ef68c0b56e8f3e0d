/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer from the inside. peer.c: what its owner calls; peer_remote.c: the UE's description;
 * peer_layers.c: datagrams up and down, the only file that knows the order of the layers;
 * peer_hello.c: what begins a handshake; peer_rtp.c: SRTP on top of ICE and DTLS, or alone.
 */
#ifndef PEER_INT_H
#define PEER_INT_H

#include "mediad/dc/dc.h"
#include "mediad/dtls/hello.h"
#include "mediad/ice/ice.h"
#include "mediad/sctp/ar_sctp.h"
#include "mediad/transport_int.h"

#define PEER_SCTP_WAIT (500 * 1000ull) /* for the UE's first packet, before we send INIT */
#define PEER_LATCH_AFTER (2 * 1000000ull) /* silence of an address before another may follow it */
#define PEER_CONSENT_GRID (250 * 1000ull) /* how late the end of consent may be seen */
#define PEER_HANDSHAKE_TIME (30 * 1000000ull) /* DTLS and SCTP together */

struct peer_held { /* a datagram that came too early */
	char *data;
	size_t n;
	struct peer_addr from;
	bool sctp; /* an SCTP packet of a UE whose fingerprint is not known yet; else DTLS */
};

struct peer {
	struct transport *t;
	struct peer_handlers h;
	void *arg;
	uint64_t given; /* bytes */
	uint64_t rate_at, rate_from; /* since when, and what had been acknowledged then */
	char *log_call;
	uint32_t rate;
	enum peer_state state;
	enum peer_media media;
	unsigned nheld;

	struct ice ice;
	struct demux_node ufrag_node[2], addr_node[ICE_MAX_PAIRS], sdp_node, rtcp_node;
	struct dtls *dtls;
	struct ar_sctp *sctp;
	struct dc dc;
	struct rtpsec *sec; /* media: SRTP; NULL: not yet, or plain */
	struct peer_keys keys; /* SDES */
	struct peer *next_latch, **prev_latch; /* its address may still be corrected */
	struct peer_addr signalled; /* as the description has it */

	/* the UE's description */
	bool known, no_ice, addr_verified, client;
	bool verified; /* handshake done and fingerprint right: SCTP or SRTP may pass */
	struct cert_prints prints;
	uint16_t sctp_port;
	size_t max_message;
	struct peer_addr sdp_addr;
	uint16_t rtcp_port; /* of the description of rtcp_of */
	struct peer_addr rtcp_of;
	struct peer_addr rtcp_addr; /* len 0: multiplexed with the RTP (RFC 5761) */

	struct limit_bucket hellos; /* ClientHellos of this peer */
	uint64_t hello_host; /* whose limit has nhello of ours */
	uint32_t nhello;
	uint64_t dtls_remote; /* whose handshake it is, while the description is not known */
	bool doubt; /* it goes on although another ufrag was named: of the same UE, or of a fork */
	uint8_t hello[DTLS_RANDOM]; /* the random of the hello that it began with */
	struct peer_addr heard_at; /* where DTLS came from last; used until a pair is nominated */
	struct peer_held held[PEER_MAX_EARLY];

	uint64_t born, now, sctp_at, handshake_by;
	uint64_t heard; /* last authentic packet of the UE */
	size_t watch;
	bool watch_above, doomed, freed_layers;
	struct peer *next_doomed;
	struct timerq_node timer;
	struct peer_stats stats;
};

/* Every entry that may change something runs between these two; teardown waits for the last. */
void peer_enter(struct peer *p, uint64_t now);
void peer_leave(struct peer *p);

/* Tells the owner; nothing when the state stays, or is CLOSED already. */
void peer_set_state(struct peer *p, enum peer_state state, const char *reason);
/* CLOSED with this reason; the layers go when the last entry has returned. */
void peer_fail(struct peer *p, const char *reason);
void peer_doom(struct peer *p);
void peer_take_down(struct peer *p);
void peer_drop_held(struct peer *p);
/* Forgets what an association has left that is gone: the next may be somebody else's. */
void peer_drop_early(struct peer *p);

/* A UE that does not multiplex; 0: it does, or has ICE. */
void peer_rtp_set_rtcp(struct peer *p, uint16_t port);
/* Where to send: the exact SDP address without ICE, else the nominated pair, else a verified one;
 * NULL: nowhere yet. */
const struct peer_addr *peer_path(struct peer *p);
/* Does the peer still use this address? Two may not have one, and the first keeps it. */
bool peer_holds_address(struct peer *p, const struct peer_addr *a, uint64_t now);
void peer_transmit(struct peer *p, struct ar_span d, const struct peer_addr *to);
/* The UE is reachable: DTLS may start. */
void peer_begin(struct peer *p);
void peer_on_stun(struct peer *p, struct ar_span d, const struct peer_addr *from);
void peer_on_dtls(struct peer *p, struct ar_span d, const struct peer_addr *from);
/* What a dtls_*() call returned. */
void peer_dtls_result(struct peer *p, int err);
/* The handshake is complete and the description known: is it the right UE? */
void peer_check_identity(struct peer *p);
void peer_start_sctp(struct peer *p);

/* peer_hello.c */
/* May this datagram begin a handshake, or go on with one? Else it is counted and dropped. */
bool peer_hello_passes(struct peer *p, struct ar_span d, const struct peer_addr *from);
/* The handshake's ClientHello is another one than this datagram's. */
bool peer_hello_is_other(const struct peer *p, struct ar_span d);
void peer_hello_note(struct peer *p, struct ar_span d); /* the handshake begins with it */
/* The UE has shown who it is: its address may begin as many again. */
void peer_hello_done(struct peer *p);

/* peer_rtp.c */
/* DTLS is done and the UE is who it says: SRTP may pass. */
void peer_rtp_up(struct peer *p);
/* SDES or plain: the description alone is enough. */
void peer_rtp_keys(struct peer *p, const struct peer_remote *r);
void peer_rtp_down(struct peer *p);
void peer_on_rtp(struct peer *p, struct ar_span d, const struct peer_addr *from);

extern const struct dc_handlers peer_dc_handlers;

#endif
