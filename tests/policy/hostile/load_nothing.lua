-- SPDX-License-Identifier: GPL-2.0-or-later
-- A policy that returns nothing.
-- limit: load
-- says: must end with "return ar.new
local x = 1
