"""The way in: the ``pyredis-cli`` script and ``python -m pyredis_cli`` both end here.

From the process to its exit code: the only place that catches everything. What is usual is done by ``oneshot``
and ``exec`` without loading the rest of the program; everything else is ``cli``'s.
"""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyredis_cli.streams import Streams

_DEBUG = "PYREDISCLI_DEBUG"
_INTERRUPTED = 130
_TAB = ["completion", "--answer"]
"""What a completion script calls the program with: it is answered without the rest of the program."""


def main() -> int:
    """Run the program with the arguments and streams of this process; return its exit code."""
    # Nothing of what is being loaded is garbage; looking for it costs a tenth of a one-shot's time.
    gc.disable()
    try:
        return _answer() if sys.argv[1:3] == _TAB else _run()
    except KeyboardInterrupt:
        return _INTERRUPTED  # while the program was still being loaded
    finally:
        # The interpreter's last collections would look at every object once more: an eighth of a one-shot's time.
        gc.freeze()


def _answer() -> int:
    from pyredis_cli.tools.completion import answer_shell

    return answer_shell("".join(sys.argv[3:4]), os.environ)


def _run() -> int:
    from pyredis.exceptions import PyRedisError
    from pyredis_cli.exits import Exit, exit_for
    from pyredis_cli.flags import UsageError
    from pyredis_cli.streams import OutputError, Streams

    streams = Streams.of_process(printable=_printable)
    _end_in_order()
    try:
        return _work(streams)
    except UsageError as error:
        streams.say(str(error))
        return error.code
    except PyRedisError as error:
        streams.say(str(error))
        return exit_for(error)
    except BrokenPipeError:
        _let_go_of_stdout()
        return Exit.BROKEN_PIPE
    except OutputError as error:
        streams.say(str(error))
        return Exit.PARTIAL
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        streams.say(f"internal error: {type(error).__name__}: {error}; {_DEBUG}=1 shows where")
        return Exit.INTERNAL


def _work(streams: Streams) -> int:
    from pyredis_cli.quick import command, quick

    args = sys.argv[1:]
    given = quick(args)
    if given is not None and (found := command(given.words)):
        from pyredis_cli.oneshot import run as run_one

        return _left(run_one(given, *found, os.environ, streams))
    if given is not None and given.words in ((), ("exec",)) and not streams.interactive:
        from pyredis_cli.tools.exec import run_unnamed

        return run_unnamed(given, os.environ, streams)
    from pyredis_cli.cli import run

    return run(args, os.environ, streams)


def _left(code: int) -> int:
    """End the process at once when nobody wants to hear of it, else return the code.

    All is written, and an interpreter that takes itself apart takes a tenth of the time that all the rest takes.
    """
    import atexit

    if atexit._ncallbacks() == 0 and sys.getprofile() is None and sys.gettrace() is None:
        os._exit(code)
    return code


def _printable(text: str) -> str:
    from pyredis_cli.render.escape import printable

    return printable(text)


def _end_in_order() -> None:
    """Let these signals end the program like an exit does, unless they are ignored (nohup).

    Python's own answer to SIGINT does not do: under asyncio it waits for a write to a full pipe.
    """
    # Not ``signal``: to make its enums takes half a millisecond.
    import _signal

    from pyredis_cli.exits import Exit

    endings = {
        _signal.SIGINT: Exit.INTERRUPT,
        _signal.SIGTERM: Exit.TERMINATED,
        _signal.SIGHUP: Exit.HANGUP,
    }
    for number, code in endings.items():
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, _ender(code))


def _ender(code: int) -> Callable[[int, object], None]:
    def end(_number: int, _frame: object) -> None:
        raise SystemExit(code)

    return end


def _let_go_of_stdout() -> None:
    """Point standard output at nothing, so that flushing it at exit cannot fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)


if __name__ == "__main__":
    sys.exit(main())
