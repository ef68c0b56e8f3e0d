/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of asd: one table drives the enum, /metrics, kamcmd ims_ar.status and the tests. */
#ifndef ASD_STATS_H
#define ASD_STATS_H

#include "common/ar_buf.h"

#include <stdint.h>

#define ASD_COUNTERS(X)                                                                            \
	X(OFFERS, "offers", "offers received")                                                     \
	X(OFFERS_INITIAL, "offers_initial", "offers that begin a call")                            \
	X(OFFERS_REPEATED, "offers_repeated", "offers answered from the stored verdict")           \
	X(OFFERS_MALFORMED, "offers_malformed", "offers refused as malformed")                     \
	X(VERDICT_AR, "verdicts_ar", "offers answered with a plan")                                \
	X(VERDICT_PLAIN, "verdicts_plain", "offers answered plain")                                \
	X(VERDICT_DENY, "verdicts_deny", "offers answered deny")                                   \
	X(VERDICT_ERROR, "verdicts_error", "offers answered ok:false")                             \
	X(SHARE_FULL, "share_full", "calls that found no place in their shared scene")             \
	X(PLAIN_NO_DCMF, "plain_no_dcmf", "plain because no DCMF was available")                   \
	X(PLAIN_TIMEOUT, "plain_timeout", "plain because the decision took too long")              \
	X(PLAIN_MAX_CALLS, "plain_max_calls", "plain because max_calls was reached")               \
	X(PLAIN_PLANNER, "plain_planner", "plain because no plan could be made")                   \
	X(POLICY_FAILED, "policy_failed", "decisions taken by the fallback")                       \
	X(RECORDS_LOST, "records_lost", "call records that could not be made or written")          \
	X(LOOKUPS_REFUSED, "lookups_refused",                                                      \
		"offers decided without facts because too many waited")                            \
	X(LOOKUPS_UNWANTED, "lookups_unwanted", "facts that came when their call had ended")       \
	X(EVENTS, "events", "events received")                                                     \
	X(EVENTS_REPEATED, "events_repeated", "events seen before, by number or by meaning")       \
	X(EVENTS_UNKNOWN_CALL, "events_unknown_call", "events of calls asd does not have")         \
	X(EVENTS_UNKNOWN, "events_unknown", "events of an unknown kind")                           \
	X(EVENTS_IGNORED, "events_ignored", "events that say nothing new, or of another fork")     \
	X(CALLS_CREATED, "calls_created", "calls begun")                                           \
	X(CALLS_ANSWERED, "calls_answered", "calls answered")                                      \
	X(CALLS_ENDED, "calls_ended", "calls ended")                                               \
	X(CALLS_LOST, "calls_lost", "calls that lost their AR part")                               \
	X(CALLS_EXPIRED_RING, "calls_expired_ring", "calls never answered")                        \
	X(CALLS_EXPIRED_TTL, "calls_expired_ttl", "calls not heard of for call_ttl")               \
	X(CALLS_EXPIRED_LIMIT, "calls_expired_limit",                                              \
		"AR parts ended at the policy's max_seconds")                                      \
	X(CALLS_RESTORED, "calls_restored", "calls read back from the store")                      \
	X(EXCHANGES_FULL, "exchanges_full", "exchanges dropped because a call had too many")       \
	X(LEGS_FULL, "legs_full", "callee legs not tracked because a call had too many")           \
	X(RESERVE_SENT, "reserve_sent", "CreateMediaContext sent")                                 \
	X(RESERVE_OK, "reserve_ok", "CreateMediaContext confirmed")                                \
	X(RESERVE_FAILED, "reserve_failed", "CreateMediaContext refused")                          \
	X(RESERVE_TIMEOUT, "reserve_timeout", "CreateMediaContext not answered in time")           \
	X(RESERVE_LATE, "reserve_late", "contexts that came too late and were deleted")            \
	X(RESERVE_RETRIED, "reserve_retried", "reservations tried at another DCMF")                \
	X(UPDATE_SENT, "update_sent", "UpdateMediaContext sent")                                   \
	X(UPDATE_OK, "update_ok", "UpdateMediaContext confirmed")                                  \
	X(UPDATE_FAILED, "update_failed", "UpdateMediaContext refused or unanswered")              \
	X(RELEASE_SENT, "release_sent", "DeleteMediaContext sent")                                 \
	X(RELEASE_OK, "release_ok", "DeleteMediaContext confirmed, or the context was gone")       \
	X(RELEASE_RETRIED, "release_retried", "DeleteMediaContext sent again")                     \
	X(RELEASE_FULL, "release_full", "releases left to the lease because the queue was full")   \
	X(CONTEXTS_STRAY, "contexts_stray", "contexts of ours that no call had, deleted")          \
	X(DCMF_UP, "dcmf_up", "connections to a DCMF made")                                        \
	X(DCMF_DOWN, "dcmf_down", "connections to a DCMF lost")                                    \
	X(FRONT_ACCEPTED, "front_accepted", "front connections accepted")                          \
	X(FRONT_REFUSED, "front_refused", "front connections refused at max_connections")          \
	X(FRONT_GARBAGE, "front_garbage", "front connections closed for garbage")                  \
	X(FRONT_SLOW, "front_slow", "front connections closed for not reading")                    \
	X(FRONT_SILENT, "front_silent", "front connections closed for silence")                    \
	X(FRONT_BAD_REQUEST, "front_bad_request", "requests answered ok:false")                    \
	X(STORE_WRITES, "store_writes", "calls written to the store")                              \
	X(STORE_ERRORS, "store_errors", "writes that the store refused")                           \
	X(POLICY_RELOADS, "policy_reloads", "policies loaded anew")                                \
	X(POLICY_RELOAD_FAILED, "policy_reload_failed", "policy reloads refused")

enum asd_counter {
#define X(id, name, help) ASD_##id,
	ASD_COUNTERS(X)
#undef X
		ASD_NCOUNTERS
};

/* Time from offer to verdict; the last bucket is everything above. */
#define ASD_BUCKETS 12

struct asd_stats {
	uint64_t n[ASD_NCOUNTERS];
	uint64_t bucket[ASD_BUCKETS], sum_us;
};

const char *asd_counter_name(enum asd_counter c);
const char *asd_counter_help(enum asd_counter c);
void asd_stats_verdict(struct asd_stats *s, uint64_t us);
/* Prometheus text of counters and the histogram. */
void asd_stats_print(const struct asd_stats *s, struct ar_buf *out);

#endif
