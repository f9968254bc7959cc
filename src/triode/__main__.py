"""`python -m triode` is the command line."""

from triode.cli import main

main()
