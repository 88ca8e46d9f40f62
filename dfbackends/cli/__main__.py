"""``python -m dfbackends.cli``, which needs no script on the PATH."""

from dfbackends.cli import main

main()
