-- SPDX-License-Identifier: GPL-2.0-or-later
-- A module outside the folder.
-- limit: load
-- says: not a module name
return require '../../../etc/passwd'
