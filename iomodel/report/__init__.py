"""What people see: the printed headline, the page and its figures."""

from iomodel.report.page import write_report
from iomodel.report.plots import main_figure
from iomodel.report.text import headline_text, known_text

__all__ = ["headline_text", "known_text", "main_figure", "write_report"]
