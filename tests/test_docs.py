"""What the reference page shows is what the library does.

Every section of the page is run against a real server, its blocks of Python in order, after the block that
opens ``pool``. What a line shows is compared with what comes out:

    expression  # -> its repr                (``...`` stands for anything)
    expression  # raises Error: its message  (or ``Error`` alone)

A claim that is too long for that has the next line to itself.
The tables of the page are compared with the code that they describe.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from types import CodeType
from typing import Any, Final

import pytest

import pyredis
from pyredis import AsyncPool, PyRedisError, PyRedisURLError, TlsOptions, url
from pyredis.commands.spec import TABLE
from pyredis.pool.async_base import AsyncBasePool
from pyredis.url import SCHEMES
from tests.clusters import Cluster
from tests.sentinels import Sentinels
from tests.servers import Server
from tests.tls import Authority, TlsProxy, server_context

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
SECTIONS: Final = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))

_CLAIM: Final = re.compile(r"# (->|raises) (.+)")


def blocks(text: str) -> list[str]:
    """Return the blocks of Python in a part of the page."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


OPENING: Final = blocks(PAGE)[0]
"""The block that every section builds on; it opens ``pool``."""
EXAMPLES: Final = {
    title: found
    for title, text in SECTIONS.items()
    if (found := [block for block in blocks(text) if block != OPENING])
}


def rows(section: str, heading: str) -> list[list[str]]:
    """Return the cells of the table of a section whose first column is headed so, without backticks."""
    table = SECTIONS[section].split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")]
        for line in table.splitlines()[2:]
    ]


# -- running an example


class Example:
    """The blocks of a section as one program, whose claims are checked as they are reached."""

    def __init__(self, source: str) -> None:
        self.wrong: list[str] = []
        self._lines = source.splitlines()
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        comments = [token for token in tokens if token.type == tokenize.COMMENT]
        self._claims = {
            _line(comment): found for comment in comments if (found := _CLAIM.match(comment.string))
        }
        self._unmet = set(self._claims)
        tree = _Checked(self._claims).visit(ast.parse(source))
        self._code: CodeType = compile(
            ast.fix_missing_locations(tree), "docs/library.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )

    async def run(self) -> None:
        """Run it to the end and fail with every claim that was wrong or never reached."""
        names: dict[str, Any] = {"__name__": "docs", "_shown": self._shown, "_raising": self._raising}
        running = eval(self._code, names)
        try:
            if inspect.iscoroutine(running):
                await running
        finally:
            await names["pool"].close()
        self.wrong += [f"never reached: {self._lines[line - 1].strip()}" for line in sorted(self._unmet)]
        assert not self.wrong, "\n".join(self.wrong)

    def _shown(self, line: int, value: object) -> None:
        self._compare(line, repr(value))

    @contextmanager
    def _raising(self, line: int) -> Iterator[None]:
        try:
            yield
        except (PyRedisError, ValueError, TypeError, TimeoutError) as error:
            kind = type(error).__name__
            self._compare(line, f"{kind}: {error}" if ":" in self._claims[line][2] else kind)
        else:
            self._compare(line, "nothing")

    def _compare(self, line: int, came: str) -> None:
        self._unmet.discard(line)
        pattern = ".*".join(map(re.escape, self._claims[line][2].split("...")))
        if not re.fullmatch(pattern, came, re.DOTALL):
            self.wrong.append(f"{self._lines[line - 1].strip()}\n    came: {came}")


def _line(comment: tokenize.TokenInfo) -> int:
    """Return the line that a comment is about: the one before when it stands alone."""
    line, column = comment.start
    return line if comment.line[:column].strip() else line - 1


class _Checked(ast.NodeTransformer):
    """Puts a check around each statement that ends with a claim."""

    def __init__(self, claims: Mapping[int, re.Match[str]]) -> None:
        self._claims = claims

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        claim = self._claims.get(node.end_lineno or 0)
        if claim is None:
            return node
        line = ast.Constant(node.end_lineno)
        if claim[1] == "->":
            return ast.Expr(_call("_shown", line, node.value))
        return ast.With([ast.withitem(_call("_raising", line))], [node])


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


async def run(source: str) -> None:
    await Example(source).run()


@pytest.fixture
def family(
    request: pytest.FixtureRequest,
    server: Server,
    shared_server: Callable[[str], Server],
    shared_cluster: Callable[[str], Cluster],
    shared_sentinels: Callable[[str], Sentinels],
) -> dict[str, str]:
    """Return what has to be replaced in the page so that a section finds the servers that it is about."""
    text = "\n".join(EXAMPLES[request.node.callspec.params["section"]])
    there: dict[str, str] = {"6379": str(server.port)}
    if "6381" in text:
        there["6381"] = str(shared_server("redis62").port)
    if "7000" in text:
        nodes = shared_cluster(server.binary.name).nodes
        there.update({"7000": str(nodes[0].port), "7001": str(nodes[1].port)})
    if "26379" in text:
        sentinels = shared_sentinels(server.binary.name).addresses
        there.update({str(26379 + number): str(port) for number, (_, port) in enumerate(sentinels)})
    return there


@pytest.fixture
async def elsewhere(server: Server, family: dict[str, str], tmp_path: Path) -> Any:
    """Return all that has to be replaced in the page."""
    authority = Authority(tmp_path / "tls")
    shown = authority.sign("redis.example", "localhost")
    async with TlsProxy((server.host, server.port), server_context(shown, clients_of=authority)) as proxy:
        mine = authority.sign("client.example")
        yield {
            **family,
            "6380": str(proxy.port),
            "/run/redis/redis.sock": server.unix_path,
            "/etc/tls/ca.pem": authority.ca_file,
            "/etc/tls/client.crt": mine.cert_file,
            "/etc/tls/client.key": mine.key_file,
        }


@pytest.mark.parametrize("section", EXAMPLES)
async def test_every_example_does_what_it_shows(
    section: str, elsewhere: dict[str, str], no_leaks: None
) -> None:
    source = "\n".join([OPENING, *EXAMPLES[section]])
    # The longest first, and in one pass: one port may be part of another.
    places = re.compile("|".join(map(re.escape, sorted(elsewhere, key=len, reverse=True))))
    await run(places.sub(lambda place: elsewhere[place[0]], source))


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("1 + 1  # -> 2", None),
        ("1 + 1  # -> 3", "came: 2"),
        ("int('x')  # raises ValueError: invalid literal ...", None),
        ("int('x')  # raises ValueError: another message", "came: ValueError: invalid literal"),
        ("int('x')  # raises TypeError", "came: ValueError"),
        ("int('1')  # raises ValueError", "came: nothing"),
        ("x = 1  # -> 1", "never reached"),
        ("for _ in ():\n    1  # -> 1", "never reached"),
    ],
)
async def test_an_example_that_shows_something_else_fails(line: str, wrong: str | None) -> None:
    source = f"from pyredis import AsyncPool\npool = AsyncPool()\n{line}\n"
    if wrong is None:
        await run(source)
    else:
        with pytest.raises(AssertionError, match=re.escape(wrong)):
            await run(source)


def test_the_examples_agree_with_the_types(tmp_path: Path) -> None:
    opening = indent(OPENING, "    ")
    written = tmp_path / "examples.py"
    written.write_text(
        "\n".join(
            f"async def section_{number}() -> None:\n{opening}\n" + indent("\n".join(examples), "    ")
            for number, examples in enumerate(EXAMPLES.values())
        ),
        encoding="utf-8",
    )
    flags = "--strict", "--no-error-summary", "--follow-imports=silent", "--cache-dir", str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *flags, str(written)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout + done.stderr == ""


# -- the facts that the page lists


def test_every_public_name_is_on_the_page() -> None:
    missing = [name for name in pyredis.__all__ if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == []


def test_the_options_of_a_pool_are_all_there_with_their_defaults() -> None:
    parameters = [*inspect.signature(AsyncBasePool).parameters.values()]
    shown = [(name, default) for name, default, _ in rows("Options of a pool", "option")]
    assert shown == [(option.name, _written(option.default)) for option in parameters]


def test_the_options_of_tls_are_all_there() -> None:
    fields = [*inspect.signature(TlsOptions).parameters.values()]
    shown = [(name, default) for name, default, _ in rows("TLS", "option of `TlsOptions`")]
    assert shown == [(field.name, _written(field.default)) for field in fields]


def _written(default: object) -> str:
    return "512 MiB" if default == 512 * 1024 * 1024 else repr(default)


def test_the_schemes_and_options_of_a_url_are_all_there() -> None:
    shown = [scheme for cell, *_ in rows("URLs", "scheme") for scheme in cell.split(", ") if scheme]
    assert sorted(shown) == sorted(f"{scheme}://" for scheme in SCHEMES if "+" not in scheme)
    with pytest.raises(PyRedisURLError) as refused:
        AsyncPool.from_url("redis://127.0.0.1?unknown=1")
    told = re.search(r"\(there are (.*?)\)", str(refused.value))
    assert told is not None
    options = [option for cell, *_ in rows("URLs", "option") for option in cell.split(", ")]
    assert sorted(options) == sorted(url._READERS)
    assert set(told[1].split(", ")) < set(options)


def test_the_commands_that_a_pool_refuses_are_all_there() -> None:
    listed = SECTIONS["The pool"].split("<!-- stateful -->")[1].replace("`", "").replace("\n", " ")
    stateful = [spec.name for spec in TABLE.specs() if spec.stateful]
    assert sorted(name.strip() for name in listed.split(",")) == sorted(stateful)


def test_the_loggers_are_all_there() -> None:
    modules = [path for path in (ROOT / "pyredis").rglob("*.py") if "getLogger(__name__)" in path.read_text()]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules}
    assert {name for name, *_ in rows("Logging", "logger") if name} == names


def test_the_errors_are_all_there_under_what_they_are() -> None:
    public = [getattr(pyredis, name) for name in pyredis.__all__]
    errors = [kind for kind in public if isinstance(kind, type) and issubclass(kind, PyRedisError)]
    parents = {
        kind.__name__: next(base.__name__ for base in kind.mro()[1:] if base in (*errors, Exception))
        for kind in errors
    }
    assert {name: parent for name, parent, *_ in rows("Errors", "error")} == parents
