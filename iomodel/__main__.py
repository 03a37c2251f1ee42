"""`python -m iomodel`: the command line without its script."""

import sys

from iomodel.cli import main

if __name__ == "__main__":
    sys.exit(main())
