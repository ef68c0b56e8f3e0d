/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCTP packets into an association that is up, through usrsctp and the data channels: what a UE
 * with the right certificate may send. Packets are two bytes of length and the chunks; ports and
 * verification tag are made right, the checksum is not looked at (DTLS has done that).
 */
#include "mediad/dc/dc.h"
#include "tests/lib/vclock.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
	struct ar_sctp *sctp;
	struct end *other;
	struct dc *dc;
	bool up, down;
	uint8_t head[12]; /* of the last packet that came for us: ports and tag */
	unsigned nq;
	struct {
		size_t n;
		char data[AR_SCTP_MTU];
	} q[64];
};

static struct end ours, ue;
static struct dc dc;

static void on_send(void *arg, struct ar_span d)
{
	struct end *to = ((struct end *)arg)->other;

	if (to->nq == 64 || d.n > sizeof(to->q[0].data))
		return;
	memcpy(to->head, d.p, sizeof(to->head));
	memcpy(to->q[to->nq].data, d.p, d.n);
	to->q[to->nq++].n = d.n;
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
	(void)why;
	((struct end *)arg)->down = true;
}

static void on_message(void *arg, uint16_t stream, uint32_t ppid, struct ar_span data, bool over)
{
	struct end *e = arg;

	if (e->dc && !e->down)
		dc_on_message(e->dc, stream, ppid, data, over);
}

static void on_reset(void *arg, uint16_t stream, unsigned what)
{
	struct end *e = arg;

	if (e->dc && !e->down)
		dc_on_reset(e->dc, stream, what);
}

static void on_acked(void *arg)
{
	(void)arg;
}

static const struct ar_sctp_handlers handlers = {
	on_send, on_up, on_down, on_message, on_reset, on_acked};

static void dc_channel(void *arg, const struct peer_channel *ch)
{
	(void)arg;
	(void)ch;
}

static void dc_closed(void *arg, uint16_t id)
{
	(void)arg;
	(void)id;
}

static void dc_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	(void)arg;
	if (data.n > PEER_MAX_MESSAGE)
		abort();
	if (dc_send(&dc, id, kind, data) != 0) /* an echo: the sending side works too */
		return;
}

static const struct dc_handlers dc_handlers = {dc_channel, dc_closed, dc_message};

static void pump(unsigned rounds)
{
	static char copy[AR_SCTP_MTU];

	while (rounds--) {
		for (struct end *e = &ours;; e = &ue) {
			for (unsigned i = 0; i < e->nq; i++) {
				size_t n = e->q[i].n;

				memcpy(copy, e->q[i].data, n);
				ar_sctp_input(e->sctp, (struct ar_span){copy, n}, vclock_now());
			}
			e->nq = 0;
			if (e == &ue)
				break;
		}
		vclock_set(vclock_now() + 20000);
		ar_sctp_stack_run(vclock_now());
	}
}

static void start(void)
{
	static bool kept; /* one reference more: usrsctp starts and ends but once */
	static const struct peer_channel ch[] = {
		{.id = 0, .ordered = true, .max_retr = -1, .max_time = -1},
		{.id = 2, .ordered = false, .max_retr = 0, .max_time = -1}};
	struct ar_sctp_conf conf = {.local_port = 5000, .remote_port = 5000, .streams = 64};
	const char *why;

	if (!kept && ar_sctp_stack_get(vclock_now()) != 0)
		abort();
	kept = true;
	ours = (struct end){.other = &ue, .dc = &dc};
	ue = (struct end){.other = &ours};
	if (ar_sctp_stack_get(vclock_now()) != 0 ||
		dc_init(&dc, ch, 2, &dc_handlers, NULL, &why) != 0 ||
		ar_sctp_new(&ue.sctp, &conf, &handlers, &ue, vclock_now()) != 0 ||
		ar_sctp_new(&ours.sctp, &conf, &handlers, &ours, vclock_now()) != 0)
		abort();
	pump(8);
	if (!ours.up || !ue.up)
		abort();
}

static void stop(void)
{
	ar_sctp_free(ours.sctp);
	ar_sctp_free(ue.sctp);
	dc_free(&dc);
	ar_sctp_stack_put();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	for (unsigned i = 0; i < 16 && size > 2 && !ours.down; i++) {
		size_t n = (size_t)data[0] << 8 | data[1];
		char *exact;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		exact = malloc(12 + n);
		if (!exact)
			abort();
		memcpy(exact, ours.head, 12);
		memcpy(exact + 12, data, n);
		ar_sctp_input(ours.sctp, (struct ar_span){exact, 12 + n}, vclock_now());
		free(exact);
		ue.nq = 0; /* the UE that says this is not the one that listens */
		data += n;
		size -= n;
		pump(1);
	}
	stop();
	return 0;
}
