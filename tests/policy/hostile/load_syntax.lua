-- SPDX-License-Identifier: GPL-2.0-or-later
-- A mistake, with its line.
-- limit: load
-- says: load_syntax.lua:7:
local x = 1

local y = = 2
