"""What would spoil a verdict, found before it is trusted."""

from tfzero.data.check.findings import CheckResult, Finding, Sight
from tfzero.data.check.inspect import check_briefly, check_data, require_no_leaks

__all__ = [
    "CheckResult",
    "Finding",
    "Sight",
    "check_briefly",
    "check_data",
    "require_no_leaks",
]
