# SPDX-License-Identifier: GPL-2.0-or-later
"""All scenarios."""
import cases_armf  # noqa: F401
import cases_call  # noqa: F401
import cases_dialog  # noqa: F401
import cases_fault  # noqa: F401
import cases_inside  # noqa: F401
import cases_load  # noqa: F401
import cases_policy  # noqa: F401
import cases_operator  # noqa: F401
import cases_real  # noqa: F401
import cases_relay  # noqa: F401
import cases_restart  # noqa: F401
import cases_shapes  # noqa: F401
import cases_torture  # noqa: F401
import cases_walk  # noqa: F401
import cases_wire  # noqa: F401
from case import TABLE, enabled  # noqa: F401
