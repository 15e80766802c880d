"""Runs the command line as `python -m tfzero.cli`."""

from tfzero.cli import main

main()
