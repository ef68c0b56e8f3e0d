/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bootstrap channel: the first byte is the UE's message size, the rest goes in as messages of up
 * to that many bytes. What comes back is whole HTTP answers, in messages of the UE's size.
 */
#include "tests/unit/dcmf/fake_peer.h"
#include "mediad/dcmf/boot.h"

#include "common/daemon/ar_log.h"

#include <stdlib.h>

#define CHANNEL 0

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct assets *assets;
static const struct peer_channel channel = {
	.id = CHANNEL, .ordered = true, .max_retr = -1, .max_time = -1, .subprotocol = "http"};

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg, (void)s, (void)reason;
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	(void)arg, (void)ch;
}

static int list(void *arg, uint16_t id, struct ar_buf *out)
{
	(void)arg;
	return id == CHANNEL ? ar_buf_add_str(out, "{\"applications\":[]}") : -1;
}

static bool may_have(void *arg, const struct asset *x)
{
	(void)arg;
	return strstr(x->name, "default") != NULL;
}

/* Takes everything sent; checks sizes and how the stream of bytes begins. */
static void drain(struct boot *b, size_t max, bool *first)
{
	struct fake_message m;

	do {
		while (fake_take(b->peer, CHANNEL, &m)) {
			if (m.n == 0 || m.n > max)
				abort();
			if (*first && memcmp(m.text, "HTTP/1.1 ", m.n < 9 ? m.n : 9) != 0)
				abort();
			*first = false;
		}
	} while (boot_run(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct peer_handlers h = {.on_state = on_state, .on_channel = on_channel};
	struct transport_conf tc = {.max_peers = 1};
	struct peer_conf pc = {.channel = &channel, .nchannel = 1};
	struct boot_stats stats = {0};
	struct boot_site site = {.list = list, .may_have = may_have};
	struct boot b = {.peer = NULL};
	struct transport *t;
	struct peer *p;
	bool first = true;
	size_t step;

	if (!assets) {
		ar_log_set_level(AR_LOG_ERR);
		if (assets_load(&assets, SRC_DIR "/webapp/scenes") != 0)
			abort();
		assets_add_scenes(assets, SRC_DIR "/webapp/scenes");
	}
	if (size < 1 || size > 60000 || transport_new(&t, &tc) != 0 ||
		peer_new(&p, t, &pc, &h, NULL, 0) != 0)
		return 0;
	site.assets = assets;
	step = (size_t)data[0] * 16 + 1;
	fake_connect(p);
	fake_set_max(p, step + 511);
	boot_open(&b, p, CHANNEL, &site, &stats);
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;
		char *copy = malloc(n);

		if (!copy)
			abort();
		memcpy(copy, data + at, n);
		boot_input(&b, (struct ar_span){copy, n});
		free(copy);
		drain(&b, step + 511, &first);
	}
	if (!first && stats.requests == 0)
		abort();
	boot_close(&b);
	peer_free(p);
	transport_free(t);
	return 0;
}
