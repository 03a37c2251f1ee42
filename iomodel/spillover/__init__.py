"""What a path of the home region does to its trading partners: who gains and who loses, by sector, year and channel."""

from iomodel.spillover.channels import shapley
from iomodel.spillover.partners import CHANNELS, spillovers
from iomodel.spillover.summary import partner_total, summary

__all__ = ["CHANNELS", "partner_total", "shapley", "spillovers", "summary"]
