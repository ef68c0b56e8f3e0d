/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/sctp/ar_sctp_int.h"
#include "common/ar_ids.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/sctp/ar_crc32c.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_CHUNKS 16384 /* on one output queue; the default of 512 is 150 kB of poses */
#define SACK_LINGER (100 * AR_MS) /* longer than a delayed SACK waits */
#define END_LINGER (5 * AR_SEC) /* usrsctp's clean-up timers after the last association */
#define FINISH_TRIES 64

/* usrsctp is one per process and calls back with an id only: this cannot be anybody's member. */
static struct {
	unsigned refs;
	struct ar_ids ids;
	struct ar_sctp **by_slot; /* who uses usrsctp's address slot + 1 */
	uint32_t nslots, slot_cap;
	uint64_t now, last_tick, quiet_at, ended_at;
	uint32_t heartbeats; /* associations with them */
	bool stale; /* a timer may have been started from a clock that stood still */
	bool delivering;
	struct ar_sctp *busy, *cursor; /* cursor: next one of check_busy() */
	struct ar_sctp_event *event;
	size_t nevent, event_cap;
	struct ar_sctp_stats stats;
} stack;

static const struct {
	int (*set)(uint32_t value);
	uint32_t value;
} settings[] = {
	{usrsctp_sysctl_set_sctp_ecn_enable, 0},
	{usrsctp_sysctl_set_sctp_asconf_enable, 0},
	{usrsctp_sysctl_set_sctp_auto_asconf, 0},
	{usrsctp_sysctl_set_sctp_auth_enable, 0},
	{usrsctp_sysctl_set_sctp_nrsack_enable, 0},
	{usrsctp_sysctl_set_sctp_pktdrop_enable, 0},
	{usrsctp_sysctl_set_sctp_pr_enable, 1},
	{usrsctp_sysctl_set_sctp_reconfig_enable, 1},
	{usrsctp_sysctl_set_sctp_sendspace, AR_SCTP_BUFFER},
	{usrsctp_sysctl_set_sctp_recvspace, AR_SCTP_BUFFER},
	{usrsctp_sysctl_set_sctp_max_chunks_on_queue, MAX_CHUNKS},
	/* 30 of one chunk ended a call within half a second of bulk, of a UE that acknowledged
	 * everything else: whether it is there, timers, heartbeats and consent tell */
	{usrsctp_sysctl_set_sctp_max_retran_chunk, 0},
	{usrsctp_sysctl_set_sctp_delayed_sack_time_default, 20},
	{usrsctp_sysctl_set_sctp_sack_freq_default, 2},
	{usrsctp_sysctl_set_sctp_initial_cwnd, 10},
	/* no burst limits after a pause: 0 is "no limit" */
	{usrsctp_sysctl_set_sctp_fr_max_burst_default, 0},
	{usrsctp_sysctl_set_sctp_max_burst_default, 10},
	{usrsctp_sysctl_set_sctp_use_cwnd_based_maxburst, 0},
	{usrsctp_sysctl_set_sctp_nr_outgoing_streams_default, AR_SCTP_MIN_STREAMS},
	{usrsctp_sysctl_set_sctp_nr_incoming_streams_default, AR_SCTP_MIN_STREAMS},
};

static struct ar_sctp *find(void *opaque)
{
	return ar_ids_get(&stack.ids, (uint32_t)(uintptr_t)opaque);
}

static void output(struct ar_sctp *s, void *buf, size_t n)
{
	ar_sctp_map_packet_out(&s->map, buf, n);
	ar_crc32c_fill(buf, n);
	s->h.send(s->arg, (struct ar_span){buf, n});
}

static int on_output(void *addr, void *buf, size_t n, uint8_t tos, uint8_t set_df)
{
	uintptr_t slot = (uintptr_t)addr - 1;
	struct ar_sctp *s = slot < stack.nslots ? stack.by_slot[slot] : NULL;

	(void)tos;
	(void)set_df;
	if (s && n >= 12) {
		ar_sctp_repeat_out(&s->repeat, (struct ar_span){buf, n},
			s->in_stack <= AR_SCTP_REPEAT_THIN && n <= AR_SCTP_MTU, stack.now);
		output(s, buf, n);
	}
	return 0; /* what cannot be sent is lost, as on any path */
}

void ar_sctp_stack_repeat(struct ar_sctp *s, struct ar_span packet, uint64_t now)
{
	uint8_t buf[AR_SCTP_MTU];

	ar_sctp_repeat_in(&s->repeat, packet, now);
	while (ar_sctp_repeat_next(&s->repeat, &packet, now)) {
		memcpy(buf, packet.p, packet.n);
		output(s, buf, packet.n);
	}
}

void ar_sctp_stack_now(uint64_t now)
{
	stack.now = now;
}

void ar_sctp_stack_get_stats(struct ar_sctp_stats *s)
{
	struct sctpstat all;

	usrsctp_get_stat(&all);
	*s = stack.stats;
	s->early = (uint64_t)all.sctps_datadroprwnd + all.sctps_datadropchklmt;
}

int ar_sctp_stack_get(uint64_t now)
{
	if (stack.refs++)
		return 0;
	ar_ids_init(&stack.ids, AR_IDS_MAX);
	usrsctp_init_nothreads(0, on_output, NULL);
	usrsctp_enable_crc32c_offload(); /* DTLS has checked already; ours is faster */
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		settings[i].set(settings[i].value);
	stack.last_tick = now;
	stack.quiet_at = stack.ended_at = 0;
	stack.stats = (struct ar_sctp_stats){0};
	stack.stale = false;
	return 0;
}

void ar_sctp_stack_put(void)
{
	if (--stack.refs)
		return;
	ar_sctp_stack_deliver();
	for (unsigned i = 0; i < FINISH_TRIES && usrsctp_finish() != 0; i++)
		usrsctp_handle_timers(1000);
	free(stack.event);
	stack.event = NULL;
	stack.event_cap = 0;
	free(stack.by_slot);
	stack.by_slot = NULL;
	stack.nslots = stack.slot_cap = 0;
	ar_ids_free(&stack.ids);
}

/*
 * Addresses are registered once per slot and stay: usrsctp_deregister_address() would queue work
 * for usrsctp's iterator thread, which walks all associations while our loop uses them.
 */
static int take_slot(struct ar_sctp *s)
{
	uint32_t slot = s->id & 0xffff, cap = stack.slot_cap ? stack.slot_cap * 2 : 64;

	if (slot >= stack.slot_cap) {
		struct ar_sctp **p = realloc(stack.by_slot, cap * sizeof(struct ar_sctp *));

		if (!p)
			return -ENOMEM;
		stack.by_slot = p;
		stack.slot_cap = cap;
	}
	s->addr = (void *)(uintptr_t)(slot + 1);
	if (slot >= stack.nslots) {
		usrsctp_register_address(s->addr);
		stack.nslots = slot + 1;
	}
	stack.by_slot[slot] = s;
	return 0;
}

int ar_sctp_stack_add(struct ar_sctp *s)
{
	int err = ar_ids_add(&stack.ids, s, &s->id);

	if (err)
		return err;
	ar_sctp_repeat_init(&s->repeat, &stack.stats.repeat);
	err = take_slot(s);
	if (err)
		ar_ids_remove(&stack.ids, s->id);
	else
		stack.heartbeats += s->heartbeat;
	return err;
}

static void not_busy(struct ar_sctp *s)
{
	if (!s->busy)
		return;
	if (stack.cursor == s)
		stack.cursor = s->next_busy;
	*s->prev_busy = s->next_busy;
	if (s->next_busy)
		s->next_busy->prev_busy = s->prev_busy;
	s->busy = false;
}

void ar_sctp_stack_remove(struct ar_sctp *s)
{
	not_busy(s);
	ar_ids_remove(&stack.ids, s->id);
	stack.by_slot[s->id & 0xffff] = NULL;
	stack.heartbeats -= s->heartbeat;
	stack.ended_at = stack.last_tick;
	stack.stats.no_stream += s->map.full;
}

void ar_sctp_stack_busy(struct ar_sctp *s)
{
	if (s->busy)
		return;
	/* nothing ran since last_tick, so usrsctp's clock stood still: the idle time must not count
	 * for timers that are started now */
	if (!stack.busy && stack.quiet_at <= stack.last_tick)
		stack.stale = true;
	s->next_busy = stack.busy;
	s->prev_busy = &stack.busy;
	if (s->next_busy)
		s->next_busy->prev_busy = &s->next_busy;
	stack.busy = s;
	s->busy = true;
}

static struct ar_sctp_event *new_event(void)
{
	size_t cap = stack.event_cap ? stack.event_cap * 2 : 64;
	struct ar_sctp_event *e = stack.event;

	if (stack.nevent == stack.event_cap) {
		e = realloc(stack.event, cap * sizeof(*e));
		if (!e)
			return NULL;
		stack.event = e;
		stack.event_cap = cap;
	}
	return &e[stack.nevent++];
}

int ar_sctp_on_receive(struct socket *so, union sctp_sockstore addr, void *data, size_t len,
	struct sctp_rcvinfo info, int flags, void *ulp_info)
{
	struct ar_sctp *s = find(ulp_info);
	struct ar_sctp_event *e = s ? new_event() : NULL;

	(void)so;
	(void)addr;
	if (!e) {
		/* a reliable message cannot just vanish: the association goes with it */
		if (s)
			s->lost = true;
		free(data);
		return 1;
	}
	*e = (struct ar_sctp_event){.id = s->id,
		.data = data,
		.len = len,
		.ppid = __builtin_bswap32(info.rcv_ppid),
		.stream = info.rcv_sid,
		.notification = (flags & MSG_NOTIFICATION) != 0,
		.whole = (flags & MSG_EOR) != 0};
	return 1;
}

int ar_sctp_on_sent(struct socket *so, uint32_t sb_free, void *ulp_info)
{
	struct ar_sctp *s = find(ulp_info);

	(void)so;
	if (s) {
		s->in_stack = s->sndbuf > sb_free ? s->sndbuf - sb_free : 0;
		ar_sctp_settle(s);
		s->acked = true;
	}
	return 1;
}

void ar_sctp_stack_deliver(void)
{
	if (stack.delivering)
		return;
	stack.delivering = true;
	/* handlers may add events, and the array may move */
	for (size_t i = 0; i < stack.nevent; i++) {
		struct ar_sctp_event e = stack.event[i];
		struct ar_sctp *s = ar_ids_get(&stack.ids, e.id);

		if (s)
			ar_sctp_handle(s, &e);
		free(e.data);
	}
	stack.nevent = 0;
	stack.delivering = false;
}

static void check_busy(uint64_t now)
{
	uint32_t id;

	/* handlers may end any association: what is gone is not touched again */
	for (struct ar_sctp *s = stack.busy; s; s = stack.cursor) {
		stack.cursor = s->next_busy;
		id = s->id;
		ar_sctp_after_input(s, now);
		if (ar_ids_get(&stack.ids, id) == s && !ar_sctp_is_busy(s, now))
			not_busy(s);
	}
}

void ar_sctp_stack_run(uint64_t now)
{
	uint64_t ms = now > stack.last_tick ? (now - stack.last_tick) / AR_MS : 0;

	if (!stack.refs ||
		(!stack.ids.used && !stack.nevent && now > stack.ended_at + END_LINGER)) {
		stack.last_tick = now;
		return;
	}
	if (stack.stale) {
		stack.stale = false;
		stack.last_tick = now;
		return;
	}
	if (!ms)
		return;
	stack.last_tick += ms * AR_MS;
	usrsctp_handle_timers((uint32_t)ms);
	ar_sctp_stack_deliver();
	check_busy(now);
}

void ar_sctp_stack_catch_up(uint64_t now)
{
	if (stack.stale || now >= stack.last_tick + AR_SCTP_TICK)
		ar_sctp_stack_run(now);
	stack.quiet_at = now + SACK_LINGER;
}

uint64_t ar_sctp_stack_next_timeout(void)
{
	if (!stack.refs ||
		(!stack.ids.used &&
			(!stack.ended_at || stack.last_tick > stack.ended_at + END_LINGER)))
		return AR_NEVER;
	if (stack.busy || stack.stale || stack.quiet_at > stack.last_tick)
		return stack.last_tick + AR_SCTP_TICK;
	if (stack.heartbeats || stack.quiet_at + END_LINGER > stack.last_tick ||
		(stack.ended_at && stack.ended_at + END_LINGER >= stack.last_tick))
		return stack.last_tick + AR_SCTP_IDLE_TICK;
	return stack.last_tick + AR_SCTP_SLEEP_TICK;
}
