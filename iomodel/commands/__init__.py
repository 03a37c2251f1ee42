"""The commands of the command line, a module each: `add` says what it takes, the function beneath what it does."""
