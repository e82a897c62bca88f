"""The command line: one module per verb. What is stable about it is in ``docs/reference/cli.md``."""
