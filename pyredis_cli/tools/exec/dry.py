"""What would be sent, and nothing is: a line for each command that can be read back, or its bytes.

It connects to nothing. Every line that cannot be read is told, not the first alone.
"""

from __future__ import annotations

from pyredis.commands.spec import Table
from pyredis.resp.encode import pack
from pyredis_cli.core.lines import LineError, destination
from pyredis_cli.core.secrets import hidden
from pyredis_cli.exits import Exit
from pyredis_cli.render.line import as_typed
from pyredis_cli.tools.exec.reading import BadLine, One, is_connect, is_goodbye, make_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyredis_cli.given import ToolArguments
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams
    from pyredis_cli.tools.exec.reading import Reader
    from pyredis_cli.tools.exec.source import Source

__all__ = ["show_command", "show_script"]


def show_command(settings: Settings, streams: Streams, argv: tuple[bytes, ...]) -> int:
    """Show the command of the arguments."""
    _Dry(settings, streams, Table()).show(One(argv, 1))
    return Exit.OK


def show_script(
    settings: Settings, streams: Streams, sources: Sequence[Source], arguments: ToolArguments
) -> int:
    """Show the commands of a script; a usage error when a line cannot be read."""
    table = Table()
    dry = _Dry(settings, streams, table)
    reader = make_reader(settings, table, arguments.get("variables", ()), singly=True)
    code = Exit.OK
    for source in sources:
        for step in _steps(source, reader):
            if isinstance(step, BadLine):
                column = f":{step.column}" if step.column else ""
                streams.say(f"{source.name}:{step.line}{column}: {step.message}")
                code = Exit.USAGE
            elif is_goodbye(step.argv):
                return code
            else:
                dry.show(step)
    return code


def _steps(source: Source, reader: Reader) -> Iterator[One | BadLine]:
    while not source.ended:
        source.wait()
        first = source.line
        for number, line in enumerate(source.block().split(b"\n"), first):
            try:
                for step in reader.steps(line, number, comments=source.comments):
                    assert isinstance(step, One)
                    if is_connect(step.argv):
                        _check_destination(step)
                    yield step
            except BadLine as bad:
                yield bad


def _check_destination(step: One) -> None:
    try:
        destination([word.decode("utf-8", "surrogateescape") for word in step.argv[1:]])
    except LineError as error:
        raise BadLine(step.line, f"connect: {error}") from None


class _Dry:
    def __init__(self, settings: Settings, streams: Streams, table: Table) -> None:
        self._settings = settings
        self._streams = streams
        self._table = table

    def show(self, step: One) -> None:
        """Write one command; the lines hide what is secret, the bytes do not."""
        if self._settings.output == "resp":
            if not is_connect(step.argv):
                self._show_bytes(step)
            return
        shown = as_typed(step.argv, self._settings.encoding, hidden(step.argv, self._table))
        times = f"{step.times} " if step.times > 1 else ""
        self._streams.write(f"{times}{shown}\n".encode("utf-8", "surrogateescape"))

    def _show_bytes(self, step: One) -> None:
        payload = pack(step.argv)
        if self._streams.stdout_tty:
            from pyredis_cli.render.escape import printable

            payload = printable(payload, keep_newlines=True).encode()
        for _ in range(step.times):
            self._streams.write(payload)
