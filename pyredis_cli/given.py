"""What was typed in front of the command, one field for each flag, before anything is decided."""

from __future__ import annotations

from types import MappingProxyType

from pyredis.records import NamedTuple, dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from pyredis_cli.flags import NotationName, Output, Theme, When
    from pyredis_cli.passwords import PasswordSource

__all__ = ["Given", "Origin", "Told", "ToolArguments"]


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed: the flags, None where one was not given, and the words of the command.

    An empty ``username`` is one to be asked for; an empty ``embedded`` is a server in a temporary folder; 0
    seconds are no limit. ``times`` -1 is for ever. An empty word in ``yes`` is every command.
    """

    words: tuple[str, ...] = ()
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    url: str | None = field(default=None, repr=False)
    profile: str | None = None
    natmap: tuple[tuple[str, str], ...] = ()
    cluster: bool = False
    database: int | None = None
    embedded: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    askpass: bool = False
    pass_file: str | None = None
    no_auth_warning: bool = False
    conn_timeout: float | None = None
    read_timeout: float | None = None
    pool_size: int | None = None
    encoding: str | None = None
    resp2: bool = False
    resp3: bool = False
    output: Output | None = None
    delimiter: str | None = None
    reply_end: str | None = None
    zero: bool = False
    null: str | None = None
    notation: NotationName | None = None
    reveal: bool = False
    no_pager: bool = False
    color: When | None = None
    theme: Theme | None = None
    echo: bool = False
    errors: bool = False
    ipv4: bool = False
    ipv6: bool = False
    read_only: bool = False
    yes: tuple[str, ...] = ()
    no_input: bool = False
    no_shell: bool = False
    tls: bool = False
    sni: str | None = None
    cacert: str | None = None
    cacertdir: str | None = None
    cert: str | None = None
    key: str | None = None
    no_verify_hostname: bool = False
    insecure: bool = False
    tls_ciphers: str | None = None
    tls_ciphersuites: str | None = None
    client_name: str | None = None
    times: int = 1
    interval: float | None = None
    last_from_stdin: bool = False
    tag: str | None = None
    quoted_input: bool = False
    show_pushes: bool | None = None
    eval: str | None = None
    scan: bool = False
    pattern: str | None = None
    quoted_pattern: str | None = None
    count: int | None = None
    type: str | None = None
    limit: int | None = None
    ttl: Literal["ttl", "no-ttl"] | None = None
    size: bool = False
    pipe: bool = False
    pipe_timeout: float | None = None
    rdb: str | None = None
    functions_rdb: str | None = None
    replica: bool = False
    ping: bool = False
    wait: float | None = None
    verbose: bool = False
    help: bool = False
    version: bool = False


class ToolArguments(NamedTuple):
    """What stands behind the name of a tool: the words that are no flags, and the flags by their fields."""

    words: tuple[str, ...]
    flags: Mapping[str, Any]

    def get(self, field: str, default: Any = None) -> Any:
        """Return what the flag said that fills the field."""
        return self.flags.get(field, default)


class Origin(NamedTuple):
    """Where a value stands: in the project's file, in a profile, or in the rest of the user's file."""

    kind: Literal["project file", "profile", "user file"]
    path: str
    text: str
    table: tuple[str, ...]
    key: str

    def __repr__(self) -> str:
        # A URL in the text may hold a password.
        return f"Origin({self.kind!r}, {self.path!r}, {'.'.join((*self.table, self.key))!r})"


class Told(NamedTuple):
    """What was typed, with what the files say where nothing was.

    ``profile`` is the name of the one that says which server is meant, "" for none. ``who``: it says as whom, too.
    ``source`` is where the password is found, ``lenient`` are the keys that say how things look, and which kind
    of table said it. ``mistakes`` are lines to be told of what is not used, ``notes`` are for a person who wonders
    why. ``origins`` are those of the fields.
    """

    given: Given
    profile: str = ""
    production: bool = False
    color: str | None = None
    username: str | None = None
    who: bool = False
    source: PasswordSource | None = None
    init: tuple[tuple[bytes, ...], ...] = ()
    lenient: Mapping[str, str] = MappingProxyType({})
    mistakes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = MappingProxyType({})

    def __repr__(self) -> str:
        # A command of init may hold what opens something.
        return f"Told({self.given!r}, profile={self.profile!r})"
