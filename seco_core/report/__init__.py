"""A report on a project: plots as PNG, and one HTML page with everything."""

from seco_core.report.gather import ReportData, gather
from seco_core.report.write import write_report

__all__ = ["ReportData", "gather", "write_report"]
