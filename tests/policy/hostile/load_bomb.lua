-- SPDX-License-Identifier: GPL-2.0-or-later
-- A bomb while loading.
-- limit: load
-- says: memory limit
-- load_ms: 200
local t = {}
while true do t = { t } end
