/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/transport/dc_rig.h"
#include "common/daemon/ar_clock.h"
#include "mediad/dc/dcep.h"
#include "tests/lib/vclock.h"

#include <stdio.h>
#include <stdlib.h>

struct dc_rig fx;

/* RE-CONFIG with a response (RFC 6525 4.4) as the only chunk */
static bool is_answer(struct ar_span d)
{
	return d.n > 18 && (uint8_t)d.p[12] == 130 && d.p[16] == 0 && d.p[17] == 16;
}

static void on_send(void *arg, struct ar_span d)
{
	struct end *e = arg;
	struct packet *p = malloc(sizeof(*p) + d.n);

	assert_non_null(p);
	assert_true(d.n <= AR_SCTP_MTU);
	if (e->dc && d.p[12] == 0) {
		fx.unordered = d.p[13] & 0x04;
		fx.data++;
	}
	if (!e->dc && (fx.mute_ue || (fx.lose_answer && is_answer(d)))) {
		fx.lose_answer = false;
		free(p);
		return;
	}
	*p = (struct packet){.to = e->other, .n = d.n};
	memcpy(p->data, d.p, d.n);
	*fx.tail = p;
	fx.tail = &p->next;
}

static void on_up(void *arg, uint16_t streams)
{
	struct end *e = arg;

	e->up = true;
	if (e->dc)
		dc_on_up(e->dc, e->sctp, false, streams);
}

static void on_down(void *arg, const char *why)
{
	assert_non_null(why);
	((struct end *)arg)->down = true;
}

static void on_sctp_message(
	void *arg, uint16_t stream, uint32_t ppid, struct ar_span data, bool oversize)
{
	struct end *e = arg;

	if (e->dc) {
		dc_on_message(e->dc, stream, ppid, data, oversize);
		return;
	}
	e->messages++;
	e->stream = stream;
	e->ppid = ppid;
	e->nlast = data.n;
	memcpy(e->last, data.p, data.n < sizeof(e->last) ? data.n : sizeof(e->last));
}

static void on_reset(void *arg, uint16_t stream, unsigned what)
{
	struct end *e = arg;

	if (e->dc)
		dc_on_reset(e->dc, stream, what);
	else if (what & AR_SCTP_RESET_IN)
		e->resets_in++;
}

static void on_acked(void *arg)
{
	((struct end *)arg)->acked++;
}

const struct ar_sctp_handlers rig_sctp_handlers = {
	on_send, on_up, on_down, on_sctp_message, on_reset, on_acked};

static void on_channel(void *arg, const struct peer_channel *ch)
{
	(void)arg;
	fx.opened++;
	fx.channel = *ch;
}

static void on_closed(void *arg, uint16_t id)
{
	(void)arg;
	fx.closed++;
	fx.closed_id = id;
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	(void)arg;
	(void)id;
	fx.messages++;
	fx.kind = kind;
	free(fx.text);
	fx.text = malloc(data.n ? data.n : 1);
	assert_non_null(fx.text);
	memcpy(fx.text, data.p, data.n);
	fx.ntext = data.n;
}

static const struct dc_handlers dc_handlers = {on_channel, on_closed, on_message};

void rig_run(unsigned ms)
{
	uint64_t end = vclock_now() + ms * AR_MS;

	do {
		while (fx.first) {
			struct packet *p = fx.first;

			fx.first = p->next;
			if (!fx.first)
				fx.tail = &fx.first;
			if (p->to->sctp)
				ar_sctp_input(
					p->to->sctp, (struct ar_span){p->data, p->n}, vclock_now());
			free(p);
		}
		vclock_set(vclock_now() + 10 * AR_MS);
		ar_sctp_stack_run(vclock_now());
	} while (vclock_now() < end || fx.first);
}

static const struct peer_channel negotiated[] = {
	{.id = 0, .ordered = true, .max_retr = -1, .max_time = -1, .label = "zero"},
	{.id = 1000, .ordered = false, .max_retr = 0, .max_time = -1},
};

int rig_set_up(void **state)
{
	struct ar_sctp_conf conf = {.local_port = 5000, .remote_port = 5000, .streams = 65535};
	const char *why = "";

	(void)state;
	fx = (struct dc_rig){.tail = &fx.first};
	assert_int_equal(ar_sctp_stack_get(vclock_now()), 0);
	assert_int_equal(dc_init(&fx.dc, negotiated, 2, &dc_handlers, NULL, &why), 0);
	fx.ours = (struct end){.other = &fx.ue, .dc = &fx.dc};
	fx.ue = (struct end){.other = &fx.ours};
	/* the UE asks for all the streams there are, as browsers do */
	assert_int_equal(
		ar_sctp_new(&fx.ue.sctp, &conf, &rig_sctp_handlers, &fx.ue, vclock_now()), 0);
	conf.streams = dc_streams(&fx.dc);
	assert_int_equal(conf.streams, 1001);
	assert_int_equal(
		ar_sctp_new(&fx.ours.sctp, &conf, &rig_sctp_handlers, &fx.ours, vclock_now()), 0);
	rig_run(200);
	assert_true(fx.ours.up && fx.ue.up);
	assert_int_equal(fx.opened, 2);
	assert_int_equal(ar_sctp_streams(fx.ours.sctp), 1001);
	return 0;
}

int rig_tear_down(void **state)
{
	(void)state;
	ar_sctp_free(fx.ours.sctp);
	fx.ours.sctp = NULL;
	ar_sctp_free(fx.ue.sctp);
	fx.ue.sctp = NULL;
	while (fx.first) {
		struct packet *p = fx.first;

		fx.first = p->next;
		free(p);
	}
	dc_free(&fx.dc);
	free(fx.text);
	ar_sctp_stack_put();
	return 0;
}

void rig_restart(uint16_t ours, uint16_t ue, uint32_t ue_heartbeat_ms)
{
	struct ar_sctp_conf conf = {.local_port = 5000,
		.remote_port = 5000,
		.streams = ue,
		.heartbeat_ms = ue_heartbeat_ms};

	ar_sctp_free(fx.ours.sctp);
	ar_sctp_free(fx.ue.sctp);
	dc_on_down(&fx.dc);
	fx.ours.up = fx.ue.up = false;
	fx.opened = fx.closed = 0;
	assert_int_equal(
		ar_sctp_new(&fx.ue.sctp, &conf, &rig_sctp_handlers, &fx.ue, vclock_now()), 0);
	conf.streams = ours;
	conf.heartbeat_ms = 0;
	assert_int_equal(
		ar_sctp_new(&fx.ours.sctp, &conf, &rig_sctp_handlers, &fx.ours, vclock_now()), 0);
	rig_run(200);
	assert_true(fx.ours.up && fx.ue.up);
}

void ue_says(uint16_t stream, uint32_t ppid, const void *p, size_t n)
{
	struct ar_sctp_msg m = {.stream = stream, .ppid = ppid, .max_retr = -1, .max_time = -1};

	assert_int_equal(ar_sctp_send(fx.ue.sctp, &m, (struct ar_span){p, n}), 0);
	rig_run(50);
}

void ue_opens(uint16_t stream, const char *label)
{
	struct peer_channel ch = {.ordered = true, .max_retr = -1, .max_time = -1};
	uint8_t open[DCEP_MAX];

	snprintf(ch.label, sizeof(ch.label), "%s", label);
	ue_says(stream, DC_PPID_DCEP, open, dcep_write_open(open, &ch));
}
