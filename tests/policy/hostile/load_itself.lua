-- SPDX-License-Identifier: GPL-2.0-or-later
-- A module that requires itself.
-- limit: load
-- says: requires itself
return require 'load_itself'
