-- SPDX-License-Identifier: GPL-2.0-or-later
-- A list that never ends.
-- limit: load
-- says: not a regular file
return require('ar.lists').file '/dev/zero'
