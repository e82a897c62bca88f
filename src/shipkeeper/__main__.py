"""``python -m shipkeeper``."""

from shipkeeper.cli.main import main

main(prog_name="shipkeeper")
