"""How a grid is solved: the driver, what hands out its runs, and the workers that solve them."""
