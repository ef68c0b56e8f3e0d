/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sip_load's SIP and sockets: what of a message the load needs, found without a parser's cost, and
 * datagrams in batches. Headers are those that a Kamailio writes: not folded, one value a line.
 */
#ifndef SIP_LOAD_H
#define SIP_LOAD_H

#include "common/ar_buf.h"

#include <netinet/in.h>

#define SIP_BATCH 64
#define SIP_MAX 8192 /* bytes of a message */
#define SIP_ROUTES 8
#define SIP_VIAS 8

struct sip_msg {
	struct ar_span all, first, from, to, callid, cseq, contact, body;
	struct ar_span via[SIP_VIAS], route[SIP_ROUTES]; /* whole lines, with CRLF */
	unsigned nvia, nroute;
	int status; /* 0: a request */
	unsigned cseq_no;
	struct ar_span method; /* CSeq's */
};

/* 0, or -EBADMSG: no SIP message, or more routes than there is room for. Spans point into text. */
int sip_read(struct sip_msg *m, struct ar_span text);

struct sip_port {
	int fd;
	unsigned nout;
	uint64_t full; /* datagrams that the kernel would not take */
	struct sockaddr_in to[SIP_BATCH];
	size_t len[SIP_BATCH];
	char out[SIP_BATCH][SIP_MAX];
	char in[SIP_BATCH][SIP_MAX];
};

/* On 127.0.0.1. Exits when it cannot. */
void sip_port_open(struct sip_port *s, unsigned port);
void sip_port_send(struct sip_port *s, struct ar_span text, const struct sockaddr_in *to);
void sip_port_flush(struct sip_port *s);
/* Reads what is there, at most SIP_BATCH datagrams; returns how many. */
int sip_port_read(struct sip_port *s,
	void (*on)(void *arg, struct ar_span text, const struct sockaddr_in *from), void *arg);

#endif
