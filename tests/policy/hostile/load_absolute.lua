-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same, absolute.
-- limit: load
-- says: not a module name
return require '/etc/passwd'
