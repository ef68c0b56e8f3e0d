/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "tests/unit/common/plan_help.h"
#include "tests/unit/common/samples.h"

void parse(struct ar_sdp *sdp, const char *text)
{
	struct ar_sdp_error err;

	if (ar_sdp_parse(sdp, text, strlen(text), &err) != 0)
		fail_msg("line %u: %s in:\n%s", err.line, err.reason, text);
}

void parse_buf(struct ar_sdp *sdp, const struct ar_buf *b)
{
	struct ar_sdp_error err;

	if (ar_sdp_parse(sdp, b->p, b->n, &err) != 0)
		fail_msg("line %u: %s in:\n%.*s", err.line, err.reason, (int)b->n, b->p);
}

void sample_plan(struct sample_plan *s)
{
	memset(s, 0, sizeof(*s));
	s->offer[0] = (struct ar_plan_section){.pass = true, .from = 0};
	s->offer[1] = (struct ar_plan_section){
		.from = 1, .text = AR_SPAN(DC_TEXT("2", "actpass")), .alt = AR_SPAN(DC_STUB)};
	s->answer[0] = (struct ar_plan_section){.pass = true,
		.from = 0,
		.alt = AR_SPAN("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 203.0.113.9\r\n"
			       "a=mid:0\r\n")};
	s->answer[1] = (struct ar_plan_section){
		.from = 1, .text = AR_SPAN(DC_TEXT("1", "passive")), .alt = AR_SPAN(DC_STUB)};
	s->refused[0] = s->answer[0];
	s->refused[1] = (struct ar_plan_section){.from = 1, .text = AR_SPAN(DC_STUB)};
	s->plan = (struct ar_plan){.ref = "t-1",
		.offerer = AR_SIDE_A,
		.drop_group = true,
		.offer = {2, true, s->offer},
		.nanswer = 2,
		.answer = {{2, true, s->answer}, {2, true, s->refused}},
		.answer_for = {0, 0, 0, 1, 1},
		.session_id = {AR_SPAN("- 3901"), AR_SPAN("- 3902")},
		.origin_addr = {AR_SPAN(A_ORIGIN), AR_SPAN(B_ORIGIN)}};
}

bool has_span(struct ar_span s, const char *needle)
{
	return s.p && memmem(s.p, s.n, needle, strlen(needle)) != NULL;
}

bool has(const struct ar_buf *b, const char *needle)
{
	return has_span(ar_buf_span(b), needle);
}

unsigned count(struct ar_span s, const char *needle)
{
	unsigned n = 0;

	while (s.n) {
		const char *at = memmem(s.p, s.n, needle, strlen(needle));

		if (!at)
			break;
		n++;
		s.n -= (size_t)(at + 1 - s.p);
		s.p = at + 1;
	}
	return n;
}
