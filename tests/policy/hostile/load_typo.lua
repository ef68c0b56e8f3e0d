-- SPDX-License-Identifier: GPL-2.0-or-later
-- A misspelt function.
-- limit: load
-- says: load_typo.lua:5: 'requir' is not defined
local ar = requir 'ar.policy'
