/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two data channel stacks joined by a network on virtual time: the DCMF's side as it is, and a UE
 * (tests/lib/dc_client.h). What happens at either side is noted in its struct flow_side.
 */
#ifndef FLOW_H
#define FLOW_H

#include "tests/lib/dc_client.h"
#include "tests/lib/sim.h"

#include <cmocka.h>

#define FLOW_MS 1000ull
#define FLOW_SEC 1000000ull

struct flow_side {
	struct sim *sim;
	struct sim_node *node;
	struct transport *t;
	struct peer *peer;
	struct dc_client *client; /* the UE's side only */
	enum peer_state state;
	char reason[128];
	struct peer_channel channel[PEER_MAX_CHANNELS]; /* as on_channel told them */
	bool open[PEER_MAX_STREAMS];
	unsigned nchannel, nclosed, nmessage, nwritable;
	enum peer_kind kind; /* of the last message */
	uint16_t id;
	char *last; /* its copy */
	size_t nlast;
	uint64_t bytes, sum; /* of all messages; sum: order matters */
	bool echo;
	uint64_t seen_at; /* of the last message */
	void (*on_message)(struct flow_side *s, uint16_t id, struct ar_span data); /* or NULL */
	void (*on_writable)(struct flow_side *s);
};

struct flow_conf {
	struct sim_link link;
	uint64_t seed;
	bool server_active; /* we are the DTLS client */
	bool no_ice; /* the UE is ICE-lite too */
	bool ipv6;
	bool no_answer; /* the server does not learn the UE's description: flow_answer() */
	bool wrong_print; /* the server expects another certificate */
	const struct peer_channel *channel; /* negotiated, both sides */
	unsigned nchannel;
	unsigned handshakes_per_sec; /* of one source, at the server; 0: as usual */
	uint64_t ue_max_message, server_max_message; /* as each announces; 0: any */
};

struct flow {
	struct sim *sim;
	struct flow_conf conf;
	struct flow_side server, ue;
	uint64_t born;
};

/* Makes both; the UE has the server's description and starts. Fails the test when it cannot. */
struct flow *flow_new(const struct flow_conf *conf);
void flow_free(struct flow *f);
/* The UE's description reaches the server. */
void flow_answer(struct flow *f);
/* Runs until both are connected; false when not in that time. */
bool flow_connect(struct flow *f, uint64_t for_us);
void flow_run(struct flow *f, uint64_t for_us);
/* Runs until *value reaches at_least. */
bool flow_until(struct flow *f, const unsigned *value, unsigned at_least, uint64_t for_us);
bool flow_until_state(
	struct flow *f, const struct flow_side *s, enum peer_state state, uint64_t for_us);
/* n bytes of a pattern, sent on id; the result of peer_send(). */
int flow_send(struct flow_side *s, uint16_t id, enum peer_kind kind, size_t n);
/* The last message at s has this length and the pattern. */
bool flow_is_pattern(const struct flow_side *s, size_t n);
struct peer_channel flow_channel(uint16_t id, bool ordered, int32_t max_retr);
const struct peer_channel *flow_find(const struct flow_side *s, const char *label);

#endif
