/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mediad's live facts of one context (docs/mrm.md) as flat items for people. Pure. */
#ifndef ADMIN_LIVE_H
#define ADMIN_LIVE_H

#include <jansson.h>
#include <stdbool.h>

/* Appends one item for each termination, one for each channel, one for the scene. */
void admin_live_items(json_t *items, const json_t *context);
/* Appends one item for each medium at the ARMF, of the side ("a", "b"; "": both) and of that name
 * ("": all), with what it costs and how well it goes. False: there is none. */
bool admin_live_media(json_t *items, const json_t *context, const char *side, const char *media);

#endif
