// SPDX-License-Identifier: GPL-2.0-or-later
// A proxy towards one UE, with ims_ar.
function relay() {
	var rc = KSR.ims_ar.offer("ksr_resume");
	if (rc == 0) return;
	if (rc == -3 || rc == -4) {
		KSR.sl.send_reply(500, "Offer cannot be planned now");
		return;
	}
	KSR.ims_ar.sdp();
	KSR.tm.t_relay();
}

function ksr_request_route() {
	if (KSR.siputils.has_totag() > 0) {
		KSR.rr.loose_route();
		relay();
		return;
	}
	if (KSR.is_CANCEL()) {
		if (KSR.tm.t_check_trans() > 0) KSR.tm.t_relay();
		return;
	}
	KSR.ims_ar.untrusted();
	KSR.rr.record_route();
	KSR.pv.sets("$du", KSR.pv.gete("$def(KEMI_UE)"));
	relay();
}

function ksr_resume() {
	KSR.info("resumed: " + KSR.pv.gete("$ims_ar(action)") + " by " + KSR.pv.gete("$ims_ar(rule)") + "\n");
	if (KSR.pv.gete("$ims_ar(action)") == "deny") {
		KSR.sl.send_reply(KSR.pv.get("$ims_ar(code)"), KSR.pv.gete("$ims_ar(reason)"));
		return;
	}
	const headers = KSR.pv.gete("$ims_ar(headers)");
	if (headers != "") KSR.hdr.append(headers);
	KSR.ims_ar.sdp();
	KSR.tm.t_relay();
}

function ksr_reply_route() {
	KSR.ims_ar.sdp();
	return 1;
}

function ksr_ims_ar_event(event) {
	KSR.info("kemi event " + event + "\n");
}
