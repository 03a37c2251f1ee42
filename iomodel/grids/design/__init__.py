"""What a grid asks: the file, its axes, samples and filters, and the runs that they make."""
