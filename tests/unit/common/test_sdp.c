/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "common/sdp.h"
#include "tests/unit/common/samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
#define C "c=IN IP4 192.0.2.1\r\n"

static int try_parse(struct ar_sdp *sdp, const char *text, struct ar_sdp_error *err)
{
	return ar_sdp_parse(sdp, text, strlen(text), err);
}

static void assert_span(struct ar_span s, const char *want)
{
	if (s.n != strlen(want) || memcmp(s.p, want, s.n) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.n, s.p, want);
}

static void reads_sections(void **state)
{
	struct ar_sdp sdp;

	(void)state;
	assert_int_equal(try_parse(&sdp, HANDSET_OFFER, NULL), 0);
	assert_int_equal(sdp.nmedia, 4);
	assert_int_equal(sdp.media[0].kind, AR_SDP_AUDIO);
	assert_int_equal(sdp.media[1].kind, AR_SDP_VIDEO);
	assert_int_equal(sdp.media[2].kind, AR_SDP_DATACHANNEL);
	assert_int_equal(sdp.media[3].kind, AR_SDP_DATACHANNEL);
	assert_int_equal(sdp.media[3].port, 52722);
	assert_span(sdp.media[0].fmt, "97");
	assert_span(sdp.media[0].proto, "RTP/AVP");
	assert_span(ar_sdp_line(sdp.session, 'c'), "IN IP4 192.0.2.156");
	assert_span(ar_sdp_line(sdp.media[1].text, 'b'), "AS:600");
	assert_null(ar_sdp_line(sdp.media[1].text, 'c').p);
	/* the parts are the whole, byte for byte */
	assert_ptr_equal(sdp.session.p, sdp.text.p);
	assert_ptr_equal(sdp.session.p + sdp.session.n, sdp.media[0].text.p);
	for (unsigned i = 0; i + 1 < sdp.nmedia; i++)
		assert_ptr_equal(
			sdp.media[i].text.p + sdp.media[i].text.n, sdp.media[i + 1].text.p);
	assert_int_equal(sdp.text.n, strlen(HANDSET_OFFER));
	assert_ptr_equal(sdp.media[3].text.p + sdp.media[3].text.n, sdp.text.p + sdp.text.n);
}

static void kinds(void **state)
{
	static const struct {
		const char *m;
		enum ar_sdp_kind kind;
	} cases[] = {
		{"m=audio 1 RTP/AVP 0", AR_SDP_AUDIO},
		{"m=video 1 RTP/AVP 96 97", AR_SDP_VIDEO},
		{"m=application 1 UDP/DTLS/SCTP webrtc-datachannel", AR_SDP_DATACHANNEL},
		{"m=application 1 udp/dtls/sctp webrtc-datachannel", AR_SDP_DATACHANNEL},
		{"m=application 1 TCP/DTLS/SCTP webrtc-datachannel", AR_SDP_DATACHANNEL},
		{"m=application 0 UDP/DTLS/SCTP webrtc-datachannel", AR_SDP_DATACHANNEL},
		/* two formats: still one, so that the data channel parser can say what is wrong */
		{"m=application 1 UDP/DTLS/SCTP webrtc-datachannel x", AR_SDP_DATACHANNEL},
		{"m=application 1 DTLS/SCTP 5000", AR_SDP_OTHER}, /* the old draft with a=sctpmap */
		{"m=application 1 UDP/DTLS/SCTP webrtc-datachannel2", AR_SDP_OTHER},
		{"m=application 1 UDP/BFCP *", AR_SDP_OTHER},
		{"m=message 1 TCP/MSRP webrtc-datachannel", AR_SDP_OTHER},
		{"m=image 1 udptl t38", AR_SDP_OTHER},
	};
	char text[400];
	struct ar_sdp sdp;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), HEAD C "%s\r\n", cases[i].m);
		assert_int_equal(try_parse(&sdp, text, NULL), 0);
		assert_int_equal(sdp.media[0].kind, cases[i].kind);
	}
}

static void line_ends(void **state)
{
	struct ar_span line;
	struct ar_sdp sdp;
	size_t pos = 0;

	(void)state;
	assert_int_equal(
		try_parse(&sdp, "v=0\no=- 1 1 IN IP4 h\ns=-\nt=0 0\nm=audio 0 R 0", NULL), 0);
	assert_span(sdp.media[0].text, "m=audio 0 R 0");
	assert_true(ar_sdp_next_line(sdp.session, &pos, &line));
	assert_span(line, "v=0");
	/* empty lines after the end do no harm and are not part of the last section */
	assert_int_equal(try_parse(&sdp, HEAD "m=audio 0 R 0\r\na=x\r\n\r\n\r\n", NULL), 0);
	assert_span(sdp.media[0].text, "m=audio 0 R 0\r\na=x\r\n");
	assert_int_equal(try_parse(&sdp, HEAD, NULL), 0); /* no media at all is legal */
	assert_int_equal(sdp.nmedia, 0);
	assert_span(sdp.session, HEAD);
}

static void refuses_with_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{"", 0},
		{"\r\n\r\n", 0},
		{"v=1\r\n", 1},
		{"o=- 1 1 IN IP4 h\r\nv=0\r\n", 1},
		{"v=0\r\ns=-\r\n", 0}, /* no o= */
		{"v=0\r\no=- 1 1 IN IP4\r\n", 2}, /* five words */
		{"v=0\r\no=- 1 1 IN IP4 h x\r\n", 2}, /* seven */
		{HEAD "o=- 1 1 IN IP4 h\r\n", 5},
		{HEAD "v=0\r\n", 5},
		{HEAD C "m=audio 1 RTP/AVP 0\r\no=- 1 1 IN IP4 h\r\n", 7},
		{HEAD "nonsense\r\n", 5},
		{HEAD "A=x\r\n", 5},
		{HEAD "=x\r\n", 5},
		{HEAD "\r\na=x\r\n", 5}, /* an empty line inside */
		{HEAD "a=x\ry\r\n", 5},
		{HEAD C "m=audio\r\n", 6},
		{HEAD C "m=audio 1\r\n", 6},
		{HEAD C "m=audio 1 RTP/AVP\r\n", 6},
		{HEAD C "m=audio 65536 RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio -1 RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio 1/ RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio 1/0 RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio 1/2/3 RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio /2 RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio 000001 RTP/AVP 0\r\n", 6},
		{HEAD C "m=audio 1x RTP/AVP 0\r\n", 6},
		{HEAD C "m=aud\xc3\xafo 1 RTP/AVP 0\r\n", 6},
		{HEAD "m=audio 1 RTP/AVP 0\r\na=x\r\n",
			5}, /* no c= anywhere; the m= line is named */
		{HEAD "m=audio 1 RTP/AVP 0\r\n" C "m=audio 2 RTP/AVP 0\r\nm=audio 0 R 0\r\n", 7},
	};
	struct ar_sdp_error err;
	struct ar_sdp sdp;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct ar_sdp_error){999, NULL};
		if (try_parse(&sdp, cases[i].text, &err) != -EBADMSG)
			fail_msg("case %zu was not refused", i);
		if (err.line != cases[i].line || !err.reason)
			fail_msg("case %zu: line %u, %s", i, err.line, err.reason);
		assert_int_equal(try_parse(&sdp, cases[i].text, NULL), -EBADMSG);
	}
	assert_int_equal(
		ar_sdp_parse(&sdp, HEAD "a=\0\r\n", sizeof(HEAD "a=\0\r\n") - 1, &err), -EBADMSG);
	assert_int_equal(err.line, 5);
}

static char *big(const char *head, const char *unit, size_t n, size_t *len)
{
	size_t h = strlen(head), u = strlen(unit);
	char *p = malloc(h + u * n + 1);

	assert_non_null(p);
	memcpy(p, head, h);
	for (size_t i = 0; i < n; i++)
		memcpy(p + h + i * u, unit, u);
	*len = h + u * n;
	p[*len] = '\0';
	return p;
}

static void maxima(void **state)
{
	struct ar_sdp_error err;
	struct ar_sdp sdp;
	size_t n;
	char *p;

	(void)state;
	p = big(HEAD C, "m=audio 1 R 0\r\n", AR_SDP_MAX_MEDIA, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), 0);
	assert_int_equal(sdp.nmedia, AR_SDP_MAX_MEDIA);
	free(p);
	p = big(HEAD C, "m=audio 1 R 0\r\n", AR_SDP_MAX_MEDIA + 1, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), -E2BIG);
	assert_int_equal(err.line, 5 + AR_SDP_MAX_MEDIA + 1);
	free(p);

	p = big(HEAD, "a=x\r\n", AR_SDP_MAX_LINES - 4, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), 0);
	free(p);
	p = big(HEAD, "a=x\r\n", AR_SDP_MAX_LINES - 3, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), -E2BIG);
	free(p);

	p = big(HEAD "a=", "x", AR_SDP_MAX_LINE - 2, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), 0);
	free(p);
	p = big(HEAD "a=", "x", AR_SDP_MAX_LINE - 1, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), -E2BIG);
	assert_int_equal(err.line, 5);
	free(p);

	p = big(HEAD "a=x\r\n", "a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 2000, &n);
	assert_int_equal(ar_sdp_parse(&sdp, p, n, &err), -E2BIG);
	assert_int_equal(err.line, 0);
	free(p);
}

static void attributes(void **state)
{
	static const char section[] = "m=audio 1 R 0\r\na=mid:0\r\na=middle:no\r\na=mid: \t7 \r\n"
				      "a=flag\r\na=Mid:x\r\na=empty:\r\nb=a=mid:9\r\n";
	struct ar_span s = AR_SPAN(section), v;
	size_t pos = 0;

	(void)state;
	assert_true(ar_sdp_next_attr(s, &pos, "mid", &v));
	assert_span(v, "0");
	assert_true(ar_sdp_next_attr(s, &pos, "mid", &v));
	assert_span(v, "7"); /* blanks around are not part of it */
	assert_false(ar_sdp_next_attr(s, &pos, "mid", &v));
	assert_span(ar_sdp_attr(s, "flag"), "");
	assert_non_null(ar_sdp_attr(s, "flag").p);
	assert_span(ar_sdp_attr(s, "empty"), "");
	assert_null(ar_sdp_attr(s, "absent").p);
	assert_null(ar_sdp_attr(s, "fla").p);
	assert_null(ar_sdp_attr((struct ar_span){"a=mid", 4}, "mid").p);
}

static void single_sections(void **state)
{
	static const char *const bad[] = {"", "a=x\r\n", "m=audio 1 R 0\r\nm=audio 2 R 0\r\n",
		"m=audio x R 0\r\n", "m=audio 1 R 0\r\n\r\n", "m=audio 1 R 0\r\nnonsense\r\n"};
	struct ar_sdp_error err;
	struct ar_sdp_media m;

	(void)state;
	assert_int_equal(ar_sdp_parse_section(
				 &m, ar_span_str("m=video 9 R 0\r\nc=IN IP4 x\r\na=y\r\n"), &err),
		0);
	assert_int_equal(m.kind, AR_SDP_VIDEO);
	assert_int_equal(m.port, 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ar_sdp_parse_section(&m, ar_span_str(bad[i]), &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sections),
		cmocka_unit_test(kinds),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(refuses_with_line_and_reason),
		cmocka_unit_test(maxima),
		cmocka_unit_test(attributes),
		cmocka_unit_test(single_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
