/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics group ims_ar. Counters are per process and summed when read; gauges come from shm. */
#ifndef IMS_AR_STAT_H
#define IMS_AR_STAT_H

#include <stdbool.h>

#define AR_STATS(X)                                                                                \
	X(recognised_ar, "requests of class ar")                                                   \
	X(recognised_dc, "requests with a data channel and no AR evidence")                        \
	X(ordinary, "requests with an offer that are none of these")                               \
	X(bad_sdp, "offers or answers whose SDP could not be read")                                \
	X(offers, "offers handed to asd")                                                          \
	X(offers_ar, "offers that asd made AR calls")                                              \
	X(offers_plain, "offers that go on without a data channel as asd said")                    \
	X(offers_denied, "offers that asd denied")                                                 \
	X(offers_failed, "offers that asd could not decide, or answered wrongly")                  \
	X(offers_timeout, "offers without an answer in time")                                      \
	X(offers_away, "offers while no asd was reachable")                                        \
	X(offers_full, "offers refused since the queue or the call table was full")                \
	X(offers_behind, "offers that went on at once since asd was behind with others")           \
	X(offers_gone, "verdicts that found no transaction any more")                              \
	X(offers_local, "offers inside a dialog planned from the map")                             \
	X(offers_refused, "offers inside a dialog that could not be planned")                      \
	X(offers_misplaced, "hand-offs refused since branches existed or the target had changed")  \
	X(sdp_applied, "descriptions made from a plan")                                            \
	X(sdp_failed, "descriptions that a plan could not make")                                   \
	X(sdp_hidden, "descriptions prepared for the media relay")                                 \
	X(relay_failed, "the media relay gave nothing back")                                       \
	X(marks_bad, "requests with a mark that is not ours")                                      \
	X(log_lines_left_out, "log lines that strangers cause, over 5 a second and process")       \
	X(names_long, "offers with a Call-ID or tag over 255 bytes: ordinary calls")               \
	X(routes_bad, "requests whose Record-Route parameter is not ours")                         \
	X(offers_late, "INVITEs without an offer: it comes in the answer, without data channel")   \
	X(offers_inside, "offers by which an ordinary call is to become an AR call")               \
	X(events, "events queued for asd")                                                         \
	X(events_lost, "events lost to memory or the maximum")                                     \
	X(link_up, "connections to asd that came up")                                              \
	X(link_down, "connections to asd that went down")                                          \
	X(link_garbage, "connections closed since asd sent what is not the protocol")              \
	X(through_full,                                                                            \
		"calls anchored elsewhere over the maximum: their media go through rtpengine")     \
	X(layout_full, "m-lines of the media relay over the maximum: used again, or not followed") \
	X(expired, "calls that ended by their time to live")

enum ar_stat {
#define X(name, doc) AR_STAT_##name,
	AR_STATS(X)
#undef X
		AR_STAT_MAX
};

int ar_stat_init(void);
void ar_stat_add(enum ar_stat s);
long ar_stat_get(enum ar_stat s);
const char *ar_stat_name(enum ar_stat s);

/* For lines that a UE can cause: AR_LOG_LINES a second and process; the others are counted. */
#define AR_LOG_LINES 5
bool ar_log_allowed(void);
#define AR_LIMITED(log, ...)                                                                       \
	do {                                                                                       \
		if (ar_log_allowed())                                                              \
			log(__VA_ARGS__);                                                          \
	} while (0)

#define AR_COUNT(name) ar_stat_add(AR_STAT_##name)

#endif
