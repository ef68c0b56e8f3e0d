-- SPDX-License-Identifier: GPL-2.0-or-later
-- An endless loop while loading.
-- limit: load
-- says: CPU time limit
while true do end
