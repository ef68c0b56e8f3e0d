-- SPDX-License-Identifier: GPL-2.0-or-later
-- A bomb while loading.
-- limit: load
-- says: memory limit
local t = {}
while true do t = { t } end
