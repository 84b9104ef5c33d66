"""The way in: the ``pyredis-cli`` script and ``python -m pyredis_cli`` both end here."""

from __future__ import annotations

import sys

from pyredis_cli.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
