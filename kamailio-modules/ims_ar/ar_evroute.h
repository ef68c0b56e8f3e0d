/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event_route[ims_ar:asd-up], event_route[ims_ar:asd-down]; $ims_ar(asd) is the address. */
#ifndef IMS_AR_EVROUTE_H
#define IMS_AR_EVROUTE_H

/* Runs it, if there is one, in this process (link process; it must not block). */
void ar_event_route(const char *name, const char *asd);

#endif
