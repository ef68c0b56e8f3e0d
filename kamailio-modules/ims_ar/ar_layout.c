/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_layout.h"

#include "ar_calls.h"
#include "ar_stat.h"

#include "common/plan_emit.h"

#include "../../core/locking.h"
#include "../../core/mem/shm_mem.h"

#include <errno.h>
#include <stdio.h>

#define BUCKETS 1024u /* a power of two */

/* Sections of the call, m-lines of the relay: both AR_SDP_MAX_MEDIA at most. */
struct layout {
	uint32_t off; /* sections that were at port 0 in the last description */
	uint32_t exchange; /* of the last offer */
	uint8_t n, total; /* sections, m-lines */
	uint8_t at[AR_SDP_MAX_MEDIA]; /* by section: its m-line */
	uint8_t owner[AR_SDP_MAX_MEDIA]; /* by m-line: whose it is or was */
};

struct entry {
	struct entry *next;
	int64_t expires;
	enum ar_layout_pass pass;
	bool untold;
	bool asleep; /* told by asd: from the next offer to the relay on */
	struct layout l;
	size_t ncallid;
	char callid[];
};

static struct table {
	gen_lock_t lock;
	int n, max;
	struct entry *bucket[BUCKETS];
} * table;

int ar_layout_init(int max)
{
	table = shm_malloc(sizeof(*table));
	if (!table)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->max = max;
	lock_init(&table->lock);
	return 0;
}

static void drop(struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	shm_free(e);
	table->n--;
}

void ar_layout_destroy(void)
{
	if (!table)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (table->bucket[i])
			drop(&table->bucket[i]);
	lock_destroy(&table->lock);
	shm_free(table);
	table = NULL;
}

static struct entry **bucket_of(struct ar_span callid)
{
	return &table->bucket[ar_hash32(callid.p, callid.n) & (BUCKETS - 1)];
}

static bool is_of(const struct entry *e, struct ar_span callid)
{
	return ar_span_eq((struct ar_span){e->callid, e->ncallid}, callid);
}

/* NULL: there is none. What has expired on the way goes. */
static struct entry *find(struct ar_span callid, enum ar_layout_pass pass)
{
	struct entry **at = bucket_of(callid);
	int64_t now = ar_now_ms();

	while (*at) {
		if ((*at)->expires <= now)
			drop(at);
		else if ((*at)->pass == pass && is_of(*at, callid))
			return *at;
		else
			at = &(*at)->next;
	}
	return NULL;
}

static void sweep(void)
{
	int64_t now = ar_now_ms();

	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct entry **at = &table->bucket[i]; *at;) {
			if ((*at)->expires <= now)
				drop(at);
			else
				at = &(*at)->next;
		}
	}
}

static struct entry *add(struct ar_span callid, enum ar_layout_pass pass)
{
	struct entry **at = bucket_of(callid), *e = NULL;

	if (table->n >= table->max)
		sweep();
	if (table->n < table->max)
		e = shm_malloc(sizeof(*e) + callid.n);
	if (!e) {
		AR_COUNT(layout_full);
		return NULL;
	}
	*e = (struct entry){.next = *at, .pass = pass, .ncallid = callid.n};
	memcpy(e->callid, callid.p, callid.n);
	*at = e;
	table->n++;
	return e;
}

/* ---- which is where ---- */

static void move_to_new(struct layout *l, unsigned i)
{
	if (l->total == AR_SDP_MAX_MEDIA) {
		AR_COUNT(layout_full);
		return;
	}
	l->at[i] = l->total;
	l->owner[l->total++] = (uint8_t)i;
}

/* True: something has changed that a restart must not forget. */
static bool note(struct layout *l, const struct ar_layout_key *k, const struct ar_sdp *sdp)
{
	bool fresh = !l->n || (k->offer && k->exchange != l->exchange);
	uint32_t total = l->total, was = l->off;

	for (unsigned i = 0; i < sdp->nmedia; i++) {
		bool off = sdp->media[i].port == 0;

		if (fresh && (i >= l->n || (!off && l->off & 1u << i)))
			move_to_new(l, i);
		if (off)
			l->off |= 1u << i;
		else
			l->off &= ~(1u << i);
	}
	if (fresh) {
		l->exchange = k->exchange;
		if (sdp->nmedia > l->n)
			l->n = (uint8_t)sdp->nmedia;
	}
	return l->total != total || l->off != was;
}

static bool is_plain(const struct layout *l)
{
	return l->total == l->n; /* m-lines are only ever added */
}

static bool leaves_media_out(const struct ar_sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		const struct ar_sdp_media *m = &sdp->media[i];

		if (!m->port && (m->kind == AR_SDP_AUDIO || m->kind == AR_SDP_VIDEO))
			return true;
	}
	return false;
}

/* The call's layout after this description; false: there is none, or it is the call's own. */
static bool learn(const struct ar_layout_key *k, const struct ar_sdp *sdp, struct layout *l)
{
	struct entry *e;

	lock_get(&table->lock);
	e = find(k->callid, k->pass);
	if (!e && k->keep && leaves_media_out(sdp))
		e = add(k->callid, k->pass);
	if (e && e->asleep && !k->offer)
		e = NULL;
	if (e) {
		e->asleep = false;
		e->untold |= note(&e->l, k, sdp);
		e->expires = k->expires;
		*l = e->l;
		if (k->untold) {
			*k->untold = e->untold;
			e->untold = false;
		}
	}
	lock_release(&table->lock);
	return e && !is_plain(l);
}

static bool is_empty(void)
{
	return __atomic_load_n(&table->n, __ATOMIC_RELAXED) == 0;
}

/* A line that nobody uses any more, of the section that left it. */
static void emit_unused(struct ar_buf *out, const struct ar_sdp *sdp, unsigned owner)
{
	static const struct ar_sdp_media none = {
		.media = {"audio", 5}, .proto = {"RTP/AVP", 7}, .fmt = {"0", 1}};

	plan_emit_stub(out, owner < sdp->nmedia ? &sdp->media[owner] : &none,
		plan_origin_address(sdp), AR_SPAN_NONE);
}

int ar_layout_to_relay(const struct ar_layout_key *k, struct ar_span text, struct ar_buf *out)
{
	struct ar_sdp sdp;
	struct layout l;
	int err;

	if (is_empty() && !k->keep)
		return 0;
	err = ar_sdp_parse(&sdp, text.p, text.n, NULL);
	if (err)
		return err;
	if (!learn(k, &sdp, &l))
		return 0;
	ar_buf_add_span(out, sdp.session);
	for (unsigned j = 0; j < l.total; j++) {
		unsigned i = l.owner[j];

		if (i < sdp.nmedia && l.at[i] == j)
			ar_buf_add_span(out, sdp.media[i].text);
		else
			emit_unused(out, &sdp, i);
	}
	err = ar_buf_err(out);
	return err ? err : 1;
}

static bool get(struct ar_span callid, enum ar_layout_pass pass, struct layout *l)
{
	const struct entry *e;
	bool asleep;

	if (is_empty())
		return false;
	lock_get(&table->lock);
	e = find(callid, pass);
	if (e)
		*l = e->l;
	asleep = e && e->asleep;
	lock_release(&table->lock);
	return e && !asleep;
}

static bool get_moved(struct ar_span callid, enum ar_layout_pass pass, struct layout *l)
{
	return get(callid, pass, l) && !is_plain(l);
}

bool ar_layout_moved(struct ar_span callid, enum ar_layout_pass pass)
{
	struct layout l;

	return get_moved(callid, pass, &l);
}

int ar_layout_from_relay(struct ar_span callid, enum ar_layout_pass pass, struct ar_sdp *relayed)
{
	struct ar_sdp_media media[AR_SDP_MAX_MEDIA];
	struct layout l;

	if (!get_moved(callid, pass, &l))
		return 0;
	if (relayed->nmedia != l.total)
		return -EBADMSG;
	for (unsigned i = 0; i < l.n; i++)
		media[i] = relayed->media[l.at[i]];
	memcpy(relayed->media, media, l.n * sizeof(media[0]));
	relayed->nmedia = l.n;
	return 0;
}

/* ---- over a restart */

void ar_layout_text(struct ar_span callid, enum ar_layout_pass pass, char out[AR_LAYOUT_TEXT])
{
	struct layout l;
	size_t n = 0;

	*out = 0;
	if (!get(callid, pass, &l))
		return;
	for (unsigned j = 0; j < l.total; j++) {
		unsigned i = l.owner[j];

		n += (size_t)snprintf(out + n, AR_LAYOUT_TEXT - n, "%s%u%s", j ? " " : "", i,
			l.at[i] == j && l.off & 1u << i ? "-" : "");
	}
}

/* One m-line: true with the next one at *p. */
static bool read_line(const char **p, const char *end, struct layout *l)
{
	unsigned i = 0, digits = 0;

	for (; *p < end && **p >= '0' && **p <= '9' && digits < 2; ++*p, digits++)
		i = i * 10 + (unsigned)(**p - '0');
	if (!digits || i >= AR_SDP_MAX_MEDIA || i > l->n || l->total == AR_SDP_MAX_MEDIA)
		return false;
	if (i == l->n)
		l->n++;
	l->at[i] = l->total;
	l->owner[l->total++] = (uint8_t)i;
	l->off &= ~(1u << i);
	if (*p < end && **p == '-') {
		l->off |= 1u << i;
		++*p;
	}
	return *p == end || *(*p)++ == ' ';
}

static bool read_text(struct ar_span text, struct layout *l)
{
	const char *p = text.p, *end = text.p + text.n;

	*l = (struct layout){.n = 0};
	while (p < end)
		if (!read_line(&p, end, l))
			return false;
	return l->n > 0;
}

void ar_layout_restore(struct ar_span callid, enum ar_layout_pass pass, struct ar_span text,
	bool asleep, int64_t expires)
{
	struct layout l;
	struct entry *e;

	if (!read_text(text, &l))
		return;
	lock_get(&table->lock);
	e = find(callid, pass) ? NULL : add(callid, pass);
	if (e) {
		e->l = l;
		e->asleep = asleep;
		e->expires = expires;
	}
	lock_release(&table->lock);
}

void ar_layout_close(struct ar_span callid)
{
	if (is_empty())
		return;
	lock_get(&table->lock);
	for (struct entry **at = bucket_of(callid); *at;) {
		if (is_of(*at, callid))
			drop(at);
		else
			at = &(*at)->next;
	}
	lock_release(&table->lock);
}

int ar_layout_count(void)
{
	return __atomic_load_n(&table->n, __ATOMIC_RELAXED);
}
