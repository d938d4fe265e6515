"""``python -m kouan``."""

from kouan.cli.start import main

main()
