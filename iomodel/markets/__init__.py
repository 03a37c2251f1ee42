"""What serves the home program and its trading partners alike: import shares, tariffs, the world as a linear map."""

from iomodel.markets.tariffs import exports_under_tariffs
from iomodel.markets.world import World, world_under

__all__ = ["World", "exports_under_tariffs", "world_under"]
