"""One file, one piece of economics: the variables, laws and goal terms of the core.

`CORE` lists them in the order in which their expressions build on each other.
"""

from iomodel.program.blocks.accounts import ACCOUNTS
from iomodel.program.blocks.capacity import CAPACITY
from iomodel.program.blocks.debts import DEBTS
from iomodel.program.blocks.goods import GOODS
from iomodel.program.blocks.households import HOUSEHOLDS
from iomodel.program.blocks.investment import INVESTMENT
from iomodel.program.blocks.labour import LABOUR
from iomodel.program.blocks.welfare import WELFARE

CORE = (WELFARE, GOODS, INVESTMENT, CAPACITY, LABOUR, ACCOUNTS, DEBTS, HOUSEHOLDS)

__all__ = ["ACCOUNTS", "CAPACITY", "CORE", "DEBTS", "GOODS", "HOUSEHOLDS", "INVESTMENT", "LABOUR", "WELFARE"]
