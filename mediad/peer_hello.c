/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ClientHellos are looked at: a handshake costs a thousand times what asking for one does. */
#include "mediad/dtls/hello.h"
#include "mediad/peer_int.h"

/* of one peer: a UE that hears nothing repeats its own some six times, forks each begin one */
static const struct limit_rate per_peer = {5, 20};

static bool limited(struct peer *p)
{
	p->t->stats.hellos_limited++;
	return false;
}

/* Until the UE has shown who it is, what it began counts against its address. */
static bool charge(struct peer *p, const struct peer_addr *from)
{
	uint64_t host = demux_hash_host(&p->t->demux, from);

	if (!limit_take(limit_of(&p->t->hellos, host), &p->t->hello_rate, p->now))
		return limited(p);
	if (p->hello_host != host)
		p->nhello = 0;
	p->hello_host = host;
	p->nhello++;
	return true;
}

bool peer_hello_is_other(const struct peer *p, struct ar_span d)
{
	struct ar_span random = dtls_hello_random(d);

	return random.n && memcmp(random.p, p->hello, sizeof(p->hello)) != 0;
}

void peer_hello_note(struct peer *p, struct ar_span d)
{
	struct ar_span random = dtls_hello_random(d);

	memset(p->hello, 0, sizeof(p->hello));
	if (random.n)
		memcpy(p->hello, random.p, sizeof(p->hello));
}

void peer_hello_done(struct peer *p)
{
	limit_give_back(limit_of(&p->t->hellos, p->hello_host), p->nhello);
	p->nhello = 0;
}

static void ask_for_cookie(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	uint8_t out[DTLS_ASK];

	if (!charge(p, from))
		return;
	if (dtls_hello_ask(p->t->dtls, d, from, out))
		peer_transmit(p, (struct ar_span){(char *)out, sizeof(out)}, from);
	else
		p->stats.dtls_bad++;
}

/* Nobody has shown to be at this address: what costs something comes after the cookie, and what
 * anybody can send must not be in the way of the UE's own. */
static bool unverified_passes(struct peer *p, enum dtls_hello what, struct ar_span d,
	struct ar_span cookie, const struct peer_addr *from)
{
	if (what == DTLS_HELLO_REST)
		return p->dtls != NULL;
	if (cookie.n) {
		if (dtls_cookie_fits(p->t->dtls, from, cookie))
			return limit_take(&p->hellos, &per_peer, p->now) || limited(p);
		p->stats.dtls_bad++;
		return false;
	}
	ask_for_cookie(p, d, from);
	return false;
}

bool peer_hello_passes(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	struct ar_span cookie;
	enum dtls_hello what;

	if (p->addr_verified || (p->known && p->client) || (p->dtls && dtls_is_done(p->dtls)))
		return true;
	what = dtls_hello_peek(d, &cookie);
	if (what == DTLS_HELLO_NONE) {
		p->stats.dtls_bad += !p->dtls;
		return p->dtls != NULL;
	}
	if (p->no_ice)
		return unverified_passes(p, what, d, cookie, from);
	if (what == DTLS_HELLO_REST)
		return true;
	if (!limit_take(&p->hellos, &per_peer, p->now))
		return limited(p);
	return charge(p, from);
}
