"""The way in: the ``pyredis-cli`` script and ``python -m pyredis_cli`` both end here."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]

_INTERRUPTED = 130
_TAB = ["completion", "--answer"]
"""What a completion script calls the program with: it is answered without the rest of the program."""


def main() -> int:
    """Run the program; return its exit code. Ctrl-C is quiet while the program is still being loaded, too."""
    # Nothing of what is being loaded is garbage; looking for it costs a tenth of a one-shot's time.
    gc.disable()
    try:
        if sys.argv[1:3] == _TAB:
            from pyredis_cli.tools.completion import answer_shell

            return answer_shell("".join(sys.argv[3:4]), os.environ)
        from pyredis_cli.cli import main as run
    except KeyboardInterrupt:
        return _INTERRUPTED
    return run()


if __name__ == "__main__":
    sys.exit(main())
