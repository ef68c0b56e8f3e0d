/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/transport.h"
#include "common/daemon/ar_clock.h"
#include "mediad/ice/stun_msg.h"
#include "mediad/sctp/ar_sctp.h"
#include "mediad/transport_int.h"

#include <errno.h>
#include <stdlib.h>

#define DEFAULT_PEERS 4096

int transport_new(struct transport **tp, const struct transport_conf *conf)
{
	struct transport *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->max_peers = conf->max_peers ? conf->max_peers : DEFAULT_PEERS;
	t->hello_rate.per_sec =
		conf->handshakes_per_sec ? conf->handshakes_per_sec : TRANSPORT_HANDSHAKES;
	t->hello_rate.burst = t->hello_rate.per_sec * TRANSPORT_HANDSHAKE_BURST;
	err = cert_new(&t->cert);
	if (!err)
		err = dtls_ctx_new(&t->dtls, t->cert);
	if (!err)
		err = demux_init(&t->demux, t->max_peers);
	if (!err)
		err = timerq_init(&t->timers, t->max_peers);
	if (!err)
		err = ar_sctp_stack_get(0);
	if (err) {
		demux_free(&t->demux);
		timerq_free(&t->timers);
		dtls_ctx_free(t->dtls);
		cert_free(t->cert);
		free(t);
		return err;
	}
	*tp = t;
	return 0;
}

void transport_free(struct transport *t)
{
	if (!t)
		return;
	ar_sctp_stack_put();
	timerq_free(&t->timers);
	demux_free(&t->demux);
	dtls_ctx_free(t->dtls);
	cert_free(t->cert);
	free(t);
}

const char *transport_fingerprint(const struct transport *t)
{
	return t->cert->fingerprint;
}

/* bad STUN that one source may send; then it is not looked at */
static const struct limit_rate bad_rate = {20, 100};

static struct limit_bucket *bad_of(struct transport *t, const struct peer_addr *from)
{
	return limit_of(&t->bad, demux_hash_host(&t->demux, from));
}

void transport_blame(struct transport *t, const struct peer_addr *from, uint64_t now)
{
	(void)limit_take(bad_of(t, from), &bad_rate, now);
}

bool transport_is_blamed(struct transport *t, const struct peer_addr *from, uint64_t now)
{
	return limit_is_full(bad_of(t, from), &bad_rate, now);
}

static struct peer *who_by_stun(
	struct transport *t, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	struct ar_span ufrag;
	struct peer *p;

	/* an address with a verified check is past this; strangers are not looked at for long */
	if (transport_is_blamed(t, from, now) && !demux_find_addr(&t->demux, from)) {
		t->stats.rate_limited++;
		return NULL;
	}
	ufrag = stun_peek_ufrag(d);
	p = ufrag.p ? demux_find_ufrag(&t->demux, ufrag) : NULL;
	if (!p)
		t->stats.no_peer++;
	return p;
}

void transport_input(
	struct transport *t, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	struct peer *p = NULL;

	t->stats.rx++;
	ar_sctp_stack_now(now);
	switch (demux_classify(d)) {
	case DEMUX_STUN:
		p = who_by_stun(t, d, from, now);
		break;
	case DEMUX_DTLS:
		p = demux_find_addr(&t->demux, from);
		t->stats.no_peer += !p;
		break;
	case DEMUX_RTP:
		p = demux_find_addr(&t->demux, from);
		if (!p && t->latching)
			p = peer_latch(t, d, from, now);
		t->stats.no_peer += !p;
		break;
	case DEMUX_OTHER:
		t->stats.garbage++;
		break;
	}
	if (p)
		peer_input(p, d, from, now);
}

uint64_t transport_next_timeout(const struct transport *t)
{
	const struct timerq_node *top = timerq_top(&t->timers);
	uint64_t at = ar_sctp_stack_next_timeout();

	if (t->doomed)
		return 0;
	return top && top->at < at ? top->at : at;
}

void transport_on_timer(struct transport *t, uint64_t now)
{
	struct timerq_node *top;

	t->depth++;
	ar_sctp_stack_now(now);
	if (now >= ar_sctp_stack_next_timeout())
		ar_sctp_stack_run(now);
	while ((top = timerq_top(&t->timers)) && top->at <= now) {
		uint64_t next;

		peer_on_timer(top->owner, now);
		next = peer_next_timeout(top->owner);
		/* whatever a layer says, this loop ends */
		timerq_set(&t->timers, top, next <= now ? now + AR_MS : next);
	}
	if (--t->depth == 0)
		peer_reap(t);
}

void transport_get_stats(const struct transport *t, struct transport_stats *s)
{
	struct ar_sctp_stats sctp;

	ar_sctp_stack_get_stats(&sctp);
	*s = t->stats;
	s->repeated = sctp.repeat.repeated;
	s->not_repeated = sctp.repeat.refused + sctp.repeat.forgotten;
	s->no_stream = sctp.no_stream;
	s->early_data = sctp.early;
}
