/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams into a DTLS end, as a UE with a verified address may send them. The first byte says
 * which end: a server that waits, one in the middle of a handshake, or one that is done. Datagrams
 * are two bytes of length and the bytes.
 */
#include "mediad/dtls/hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
	struct dtls *dtls, *other;
	unsigned sent;
};

/* Inside the datagram, whole or not at all. */
static void check_random(struct ar_span d)
{
	struct ar_span r = dtls_hello_random(d);

	if (r.n && (r.n != DTLS_RANDOM || r.p < d.p || r.p + r.n > d.p + d.n))
		abort();
}

static void on_send(void *arg, struct ar_span d)
{
	struct end *e = arg;

	/* the first flights reach the other side, so that a handshake can be half done */
	if (e->other && e->sent++ < 8 && dtls_input(e->other, d, 1) != 0)
		e->other = NULL;
}

static void on_data(void *arg, struct ar_span d)
{
	(void)arg;
	(void)d;
}

static const struct dtls_handlers handlers = {on_send, on_data};

static void feed(struct dtls *d, const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < 32 && size >= 2; i++) {
		size_t n = (size_t)data[0] << 8 | data[1];
		struct ar_span cookie;
		char *exact;
		int err;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		exact = malloc(n ? n : 1);
		if (!exact)
			abort();
		memcpy(exact, data, n);
		if (dtls_hello_peek((struct ar_span){exact, n}, &cookie) != DTLS_HELLO_BEGIN &&
			cookie.n)
			abort();
		check_random((struct ar_span){exact, n});
		err = dtls_input(d, (struct ar_span){exact, n}, i + 2);
		free(exact);
		if (err)
			break;
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cert *cert;
	static struct dtls_ctx *ctx;
	struct dtls_conf server = {.client = false}, client = {.client = true};
	struct end a = {0}, b = {0};

	if (!cert && (cert_new(&cert) != 0 || dtls_ctx_new(&ctx, cert) != 0))
		abort();
	if (!size)
		return 0;
	if (dtls_new(&a.dtls, ctx, &server, &handlers, &a) != 0 ||
		dtls_new(&b.dtls, ctx, &client, &handlers, &b) != 0)
		abort();
	if (data[0] & 1) {
		b.other = a.dtls;
		if (data[0] & 2)
			a.other = b.dtls;
		if (dtls_start(b.dtls, 1) != 0)
			abort();
	}
	feed(data[0] & 4 ? b.dtls : a.dtls, data + 1, size - 1);
	dtls_free(a.dtls);
	dtls_free(b.dtls);
	return 0;
}
