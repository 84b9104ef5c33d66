"""What profiles and the other tables of the files say, which of them counts, and what is wrong with them."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pyredis.address import TcpAddress, UnixAddress
from pyredis.exceptions import PyRedisURLError
from pyredis_cli.config.keys import COLORS, KEYS
from pyredis_cli.elsewhere import with_profile, with_url
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse
from pyredis_cli.quick import quick
from pyredis_cli.settings import Marks, Profile, Settings, colored, settle
from pyredis_cli.streams import Streams
from tests.program import ran
from tests.servers import Server

NOTHING: Mapping[str, str] = {}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def configure(text: str) -> Path:
    path = Path.home() / ".config/pyredis-cli/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def streams() -> Streams:
    return Streams(io.BytesIO(), io.BytesIO(), io.BytesIO())


def settled(*args: str, environ: Mapping[str, str] = NOTHING, told: list[str] | None = None) -> Settings:
    """Return what a start amounts to; without ``told`` it must say nothing."""
    nobody = streams()
    settings = settle(parse(args), environ, nobody)
    assert isinstance(nobody.stderr, io.BytesIO)
    lines = nobody.stderr.getvalue().decode().splitlines()
    if told is None:
        assert lines == []
    else:
        told += lines
    return settings


def refused(*args: str, environ: Mapping[str, str] = NOTHING) -> str:
    with pytest.raises(UsageError) as refusal:
        settled(*args, environ=environ)
    return str(refusal.value)


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


# -- what a profile says


def test_a_profile_says_all_that_flags_can_say() -> None:
    path = configure(
        """
        [profiles.prod]
        host = "10.0.0.1"
        port = 7000
        database = 2
        username = "ada"
        pass_file = "secret"
        tls = true
        sni = "redis.example.com"
        verify_hostname = false
        conn_timeout = 1.5
        read_timeout = 0
        encoding = "latin-1"
        protocol = 3
        name = "oncall"
        pool_size = 3
        read_only = true
        production = true
        color = "bright-magenta"
        init = ["CLIENT NO-TOUCH ON", "CLIENT SETNAME 'two'"]
        natmap = "10.0.0.2:1=127.0.0.1:2"
        format = "csv"
        bytes = "hex"
        theme = "light"
        pager = false
        null = "(nil)"
        """
    )
    private(path.with_name("secret"), "hunter2\nand more\n")
    settings = settled("@prod")
    assert settings.address == TcpAddress("10.0.0.1", 7000)
    assert (settings.database, settings.username, settings.password) == (2, "ada", "hunter2")
    assert settings.tls is not None
    assert (settings.tls.server_name, settings.tls.verify_hostname) == ("redis.example.com", False)
    assert (settings.conn_timeout, settings.read_timeout, settings.pool_size) == (1.5, None, 3)
    assert (settings.encoding, settings.protocol, settings.client_name) == ("latin-1", 3, "oncall")
    assert settings.read_only
    assert settings.profile == Profile("prod", production=True, color="bright-magenta")
    assert settings.init == ((b"CLIENT", b"NO-TOUCH", b"ON"), (b"CLIENT", b"SETNAME", b"two"))
    assert settings.natmap == ((TcpAddress("10.0.0.2", 1), TcpAddress("127.0.0.1", 2)),)
    assert (settings.output, settings.notation, settings.theme) == ("csv", "hex", "light")
    assert (settings.pager, settings.marks) == (False, Marks(null=b"(nil)"))


def test_a_profile_is_a_url_a_socket_or_a_cluster() -> None:
    configure(
        '[profiles.a]\nurl = "redis://bob:pw@h:1/3"\n[profiles.b]\nsocket = "s.sock"\n'
        '[profiles.c]\nhost = "h"\ncluster = true\nnatmap = {"a:1" = "b:2"}\n'
    )
    settings = settled("@a")
    assert (settings.address, settings.database) == (TcpAddress("h", 1), 3)
    assert (settings.username, settings.password) == ("bob", "pw")
    assert settled("@b").address == UnixAddress(str(Path.home() / ".config/pyredis-cli/s.sock"))
    assert settled("@c").cluster
    assert settled("@c").natmap == ((TcpAddress("a", 1), TcpAddress("b", 2)),)


@pytest.mark.parametrize(
    "args",
    [
        ("@prod", "PING"),
        ("--profile", "prod", "PING"),
        ("--profile=prod", "PING"),
        ("-n", "2", "@prod", "PING"),
        ("@prod", "-n", "2", "PING"),
    ],
)
def test_a_profile_stands_before_or_behind_flags(args: tuple[str, ...]) -> None:
    assert parse(args).profile == "prod"
    assert parse(args).words == ("PING",)
    assert quick(args) in (parse(args), None)


def test_a_profile_of_one_command_needs_no_click() -> None:
    assert quick(["-3", "@prod", "-n", "2", "GET", "@prod"]) == parse(
        ["-3", "@prod", "-n", "2", "GET", "@prod"]
    )
    assert quick(["@prod"]) == parse(["@prod"])
    assert parse(["GET", "@prod"]).profile is None
    with pytest.raises(UsageError, match="@b is a second profile"):
        parse(["@a", "@b", "PING"])
    for args in (["--profile", "a", "@b"], ["@b", "--profile", "a"], ["@b", "-3", "--profile=a"]):
        assert quick(args) is None
        with pytest.raises(UsageError, match="@b is a second profile"):
            parse(args)


def test_the_environment_names_a_profile() -> None:
    configure('[profiles.prod]\nhost = "h"\n')
    assert settled(environ={"PYREDISCLI_PROFILE": "prod"}).address == TcpAddress("h", 6379)
    settings = settled("-p", "1", environ={"PYREDISCLI_PROFILE": "prod"})
    assert (settings.address, settings.profile) == (TcpAddress("127.0.0.1", 1), None)
    assert settings.notes == ("PYREDISCLI_PROFILE is not used: -p says where to connect",)


def test_an_unknown_profile_is_told_with_the_nearest() -> None:
    path = configure('[profiles.prod]\nhost = "h"\n[profiles.stage]\nhost = "h"\n')
    assert refused("@prd") == f"no profile prd in {path}; did you mean @prod? There are prod, stage"
    assert refused("@x") == f"no profile x in {path}; there are prod, stage"
    path.write_text("")
    assert refused("@x") == f"no profile x in {path}; a table [profiles.x] makes one"
    path.unlink()
    assert refused("@x") == f"no profile x; pyredis-cli settings init writes {path} to begin with"
    assert "says that there is no file" in refused("@x", environ={"PYREDISCLI_CONFIG": "/dev/null"})


# -- what wins


def test_a_flag_wins_over_the_profile_and_the_profile_over_defaults() -> None:
    configure(
        "[defaults]\nconn_timeout = 1\nread_timeout = 2\npool_size = 3\nformat = 'json'\nprotocol = 2\n"
        "[profiles.prod]\nhost = 'h'\nread_timeout = 4\npool_size = 5\nprotocol = 3\ndatabase = 1\n"
    )
    settings = settled("@prod", "--pool-size", "6", "-n", "7", "-2", "--raw")
    assert (settings.conn_timeout, settings.read_timeout, settings.pool_size) == (1, 4, 6)
    assert (settings.database, settings.protocol, settings.output) == (7, 2, "raw")
    assert settled("@prod").protocol == 3
    assert settled().protocol == 2
    assert settled("--null", "x").output == "raw"


SAYS = {
    "flag": ("-t", "1"),
    "URL of a flag": ("-u", "redis://h?conn_timeout=2"),
    "URL of the environment": {"REDIS_URL": "redis://h?conn_timeout=3"},
    "profile": "[profiles.prod]\nhost = 'h'\nconn_timeout = 4\n",
    "URL of a profile": "[profiles.prod]\nurl = 'redis://h?conn_timeout=5'\n",
    "user file": "[defaults]\nconn_timeout = 6\n",
    "URL of the user file": "[defaults]\nurl = 'redis://h?conn_timeout=7'\n",
}
"""What says how long to wait for a connection, each another number of seconds."""


@pytest.mark.parametrize(
    ("sources", "seconds"),
    [
        (("flag", "URL of a flag", "user file"), 1),
        (("flag", "URL of the environment", "user file"), 1),
        (("flag", "profile", "user file"), 1),
        (("flag", "URL of a profile", "URL of the user file"), 1),
        (("URL of a flag", "URL of the environment", "user file"), 2),
        (("URL of a flag", "URL of the user file"), 2),
        (("URL of the environment", "user file"), 3),
        (("URL of the environment", "URL of the user file"), 3),
        (("URL of the environment", "profile", "user file"), 4),
        (("URL of the environment", "URL of a profile", "user file"), 5),
        (("URL of a profile", "URL of the user file"), 5),
        (("user file",), 6),
        (("URL of the user file",), 7),
        ((), 5.0),
    ],
)
def test_the_nearest_source_wins(sources: tuple[str, ...], seconds: float) -> None:
    said = [SAYS[source] for source in sources]
    configure("".join(one for one in said if isinstance(one, str)))
    args = [word for one in said if isinstance(one, tuple) for word in one]
    if any("profile" in source for source in sources):
        args.append("@prod")
    environ = next((one for one in said if isinstance(one, dict)), {})
    assert settled(*args, environ=environ).conn_timeout == seconds


def test_each_option_of_a_url_wins_over_what_lies_farther() -> None:
    configure(
        "[defaults]\nread_timeout = 1\npool_size = 1\nprotocol = 2\nencoding = 'latin-1'\nname = 'far'\n"
        "[profiles.prod]\nurl = 'redis://h?read_timeout=2&protocol=3&client_name=near'\npool_size = 2\n"
    )
    url = "redis://h?read_timeout=2&pool_size=2&protocol=3&encoding=utf-8&client_name=near"
    for settings in (settled("-u", url), settled("@prod", "--encoding", "utf-8")):
        assert (settings.read_timeout, settings.pool_size, settings.protocol) == (2, 2, 3)
        assert (settings.encoding, settings.client_name) == ("utf-8", "near")
    with pytest.raises(PyRedisURLError, match="unknown option 'nosuch'"):
        settled("-u", "redis://h?nosuch=1&client_name=near")


@pytest.mark.parametrize(
    ("args", "mend"),
    [
        (("-h", "x"), "-h"),
        (("-p", "1"), "-p"),
        (("-s", "x"), "-s"),
        (("-u", "redis://x"), "-u"),
        (("--embedded",), "--embedded"),
    ],
)
def test_a_profile_and_a_flag_do_not_both_say_where(args: tuple[str, ...], mend: str) -> None:
    configure('[profiles.prod]\nhost = "h"\n')
    assert refused("@prod", *args) == f"@prod says where the server is; leave out {mend}, or the profile"


def test_a_profile_says_where_and_the_environment_does_not() -> None:
    configure('[defaults]\nhost = "d"\ndatabase = 4\n[profiles.prod]\nhost = "h"\n')
    elsewhere = {"REDIS_URL": "redis://u:p@elsewhere:9/9", "VALKEYCLI_PORT": "1"}
    settings = settled("@prod", environ=elsewhere)
    assert (settings.address, settings.database) == (TcpAddress("h", 6379), 0)
    assert (settings.username, settings.password, settings.variable) == (None, None, "")
    assert settings.notes == ("VALKEYCLI_PORT is not used: the profile prod says where to connect",)
    settings = settled(environ={"VALKEYCLI_PORT": "1"})
    assert (settings.address, settings.database) == (TcpAddress("127.0.0.1", 1), 0)
    settings = settled()
    assert (settings.address, settings.database) == (TcpAddress("d", 6379), 4)
    assert settled("-h", "x").database == 0


def test_one_servers_password_is_not_sent_to_another() -> None:
    path = configure(
        '[defaults]\npass_file = "d"\n[profiles.own]\nhost = "h"\nusername = "ada"\npass_file = "o"\n'
        '[profiles.none]\nhost = "h"\n'
    )
    private(path.with_name("d"), "of-defaults")
    private(path.with_name("o"), "of-own")
    environ = {"REDISCLI_AUTH": "of-environment", "VALKEYCLI_USER": "eve"}
    settings = settled("@own", environ=environ)
    assert (settings.username, settings.password) == ("ada", "of-own")
    assert settings.source is not None
    assert settings.source.kind == "pass_file"
    settings = settled("@own", "--user", "bob", environ=environ)
    assert (settings.username, settings.password, settings.source) == ("bob", "", None)
    assert settled("@own", "--user", "ada").password == "of-own"
    settings = settled("@none", environ=environ)
    assert (settings.username, settings.password) == ("eve", "of-environment")
    assert settled("@none").password is None
    assert settled("-h", "x").password is None
    assert settled().password == "of-defaults"
    assert settled(environ={"REDISCLI_AUTH": "of-environment"}).password == "of-environment"
    assert settled("@own", "--pass-file", str(path.with_name("d"))).password == "of-defaults"


def test_the_password_of_a_profiles_url_is_its_users_alone() -> None:
    configure(
        "[profiles.nobody]\nurl = 'redis://:hunter2@h'\n[profiles.ada]\nurl = 'redis://:hunter2@h'\n"
        "username = 'ada'\n[profiles.eve]\nurl = 'redis://eve:hunter2@h'\nusername = 'ada'\n"
    )
    assert settled("@nobody").password == "hunter2"
    assert settled("@ada").password == "hunter2"
    for args in (("@nobody", "--user", "bob"), ("@ada", "--user", "bob"), ("@eve",)):
        assert settled(*args).password == "", args
    typed = settled("--no-auth-warning", "-u", "redis://:hunter2@h", "--user", "bob")
    assert typed.password == "hunter2"


def test_the_file_of_the_current_directory_says_how_things_look_and_nothing_else() -> None:
    configure("[defaults]\nformat = 'csv'\ntheme = 'dark'\n[profiles.prod]\nhost = 'h'\nformat = 'yaml'\n")
    Path(".pyredis-cli.toml").write_text(
        "[defaults]\nformat = 'json'\nread_only = false\npassword_command = 'touch hooked'\n"
        "color = 'red'\n[profiles.evil]\nhost = 'evil'\n"
    )
    told: list[str] = []
    settings = settled("@prod", told=told)
    assert (settings.output, settings.theme, settings.address.host) == ("json", "dark", "h")  # type: ignore[union-attr]
    why = "is not for a file of the current directory, which only says how things look; it is not used"
    assert told == [
        f".pyredis-cli.toml:6: [profiles] {why}",
        f".pyredis-cli.toml:3: [defaults] read_only {why}",
        f".pyredis-cli.toml:4: [defaults] password_command {why}",
        ".pyredis-cli.toml:5: [defaults] color must be one of auto, always, never; a colour is that of a "
        "profile's name",
    ]
    assert not Path("hooked").exists()
    assert "no profile evil" in refused("@evil")


def test_a_file_that_everybody_can_write_is_not_used() -> None:
    path = configure("[defaults]\npool_size = 3\n[profiles.prod]\nhost = 'h'\npassword_command = 'evil'\n")
    path.chmod(0o622)
    why = f"{path}: can be written by everybody; chmod o-w {path} mends it"
    assert refused("@prod") == why
    assert ran("settings", "check").stdout.decode() == f"{why}\n"
    told: list[str] = []
    assert settled(told=told).pool_size == 16
    assert told == [why]
    path.chmod(0o620)
    assert settled().pool_size == 3


def test_a_file_of_the_current_directory_holds_nobody_up() -> None:
    path = configure("[defaults]\ntheme = 'x'\n")
    project = Path(".pyredis-cli.toml")
    for text, first, lines in [
        ("[defaults]\n" + "".join(f"k{n} = 1\n" for n in range(1500)), ":2: [defaults] k0 is not known", 11),
        ("[defaults]\n" + ".".join("a" * 2000) + " = 1\n", ":2: [defaults] a is not known", 1),
        ("[defaults]\n" + "a" * 9000 + " = 1\n", f":2: [defaults] {'a' * 80}... is not known", 1),
        ("[defaults]\n#" + "a" * 16384, ": is larger than 16 KiB, which no such file is", 1),
    ]:
        project.write_text(text)
        told: list[str] = []
        settled(told=told)
        assert f".pyredis-cli.toml{first}" == told[0]
        assert f"{path}:2: [defaults] theme must be one of dark, light" == told.pop(), "it hides none of ours"
        assert len(told) == lines
        if lines > 1:
            assert told[-1] == "and 1490 more; pyredis-cli settings check lists them"


def test_a_file_that_somebody_else_has_put_there_is_not_used() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    project = Path(".pyredis-cli.toml")
    project.write_text("[defaults]\nformat = 'json'\n")
    os.chown(project, 12345, 12345)
    told: list[str] = []
    assert settled(told=told).output is None
    assert told == [".pyredis-cli.toml: belongs to another user; it is not used"]


def test_no_color_wins_over_files_and_a_flag_over_both() -> None:
    configure("[defaults]\ncolor = 'always'\n")
    assert colored(settled(), streams()).color
    assert not colored(settled(environ={"NO_COLOR": "1"}), streams()).color
    assert colored(settled("--color", "always", environ={"NO_COLOR": "1"}), streams()).color
    configure("[defaults]\ncolor = 'never'\n")
    assert not colored(settled(), streams()).color


# -- what is wrong


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("hots = 'x'", "hots is not known; did you mean host?"),
        ("password = 'hunter2'", "password is not known: a password does not stand in this file; pass_file"),
        ("host = 'redis://:hunter2@h'", "host must be a name or an address; url takes a URL"),
        ("port = '1'", "port must be a whole number from 1 to 65535"),
        ("port = 99999", "port must be a whole number from 1 to 65535"),
        ("database = -1", "database must be a whole number, 0 or more"),
        ("tls = 1", "tls must be true or false"),
        ("cacert = 'x'", "cacert is about TLS; add tls = true"),
        ("tls = true\nkey = 'x'", "key is shown with its certificate"),
        ("url = 'redis://x'", "url and host both say where the server is"),
        ("pass_file = 'x'\nkeyring = true", "keyring and pass_file both say where the password is found"),
        (r'pass_file = "a\u0000b"', "pass_file must be the name of a file"),
        ("keyring = false", "keyring must be true, or left out"),
        ("password_command = []", "password_command must be a program and its arguments"),
        ("password_command = 'echo \"x'", "password_command has a quote that does not end"),
        ("protocol = 4", "protocol must be 2 or 3"),
        ("conn_timeout = -1", "conn_timeout must be a number of seconds"),
        ("pool_size = 0x" + "f" * 2000, "pool_size must be a whole number, 1 or more"),
        ("format = 'xml'", "format must be one of human, redis"),
        ("color = 'mauve'", "color must be one of auto, always, never, red"),
        ("name = 'two words'", "name must be printable ASCII without blanks"),
        ("encoding = 'utf-16'", "encoding must be an encoding that keeps ASCII"),
        ("natmap = 'x'", "natmap must be HOST:PORT=HOST:PORT"),
        ("init = 'CLIENT ID'", "init must be a list of commands"),
        ("init = ['SELECT 3']", "init must not have SELECT: database chooses another one"),
        ("init = ['AUTH x']", "init must not have AUTH: username and pass_file"),
        ("init = ['HELLO 3']", "init must not have HELLO: protocol chooses"),
        ("init = ['MULTI']", "init must not have MULTI: a new connection must be one for any command"),
        ("init = ['monitor']", "init must not have MONITOR"),
        ("init = ['CLIENT REPLY OFF']", "init must not have CLIENT REPLY"),
        ("init = ['BLPOP k 0']", "init must not have BLPOP: it would wait"),
        ("production = true\ninit = ['FLUSHALL']", "init must not have FLUSHALL: nobody is asked there"),
        ("init = ['REPLICAOF NO ONE']", "init must not have REPLICAOF: nobody is asked there"),
        ("init = ['CONFIG SET save \"\"']", "init must not have CONFIG SET: nobody is asked there"),
        ("init = ['GET \"x']", "init has a line that cannot be read"),
        ("init = ['']", "init has a line without a command"),
        (
            "read_only = true\ninit = ['SET a 1']",
            "init must not be where read_only is true: SET is a write command",
        ),
        (
            "read_only = true\ninit = ['FOO.BAR']",
            "init must not be where read_only is true: nobody knows what FOO.BAR does",
        ),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_its_line_and_ends_the_start(line: str, told: str) -> None:
    path = configure(f"[profiles.prod]\nhost = 'h'\n{line}\n")
    number = 2 + line.count("\n") + 1
    if line.startswith("host"):
        path, number = configure(f"[profiles.prod]\n{line}\nport = 1\n"), 2
    refusal = refused("@prod")
    assert refusal.startswith(f"{path}:{number}: [profiles.prod] {told}")
    assert "hunter2" not in refusal
    assert settled("-p", "1") == settled("-p", "1", environ={"PYREDISCLI_CONFIG": ""})


@pytest.mark.parametrize("said", ["database = 1", "port = 7000"])
def test_a_profile_without_a_place_is_a_mistake(said: str) -> None:
    path = configure(f"[profiles.prod]\n{said}\n")
    assert refused("@prod") == (
        f"{path}:1: [profiles.prod] does not say where the server is; url, host or socket does"
    )


def test_a_mistake_in_the_defaults_is_told_and_the_rest_holds() -> None:
    path = configure("[defaults]\ntheme = 'x'\npool_size = 3\nproduction = true\n[profiles.bad]\nx = 1\n")
    told: list[str] = []
    assert settled(told=told).pool_size == 3
    assert told == [
        f"{path}:2: [defaults] theme must be one of dark, light",
        f"{path}:4: [defaults] production belongs in a profile, whose name it is about: [profiles.NAME]",
    ]


def test_no_server_is_reached_otherwise_than_the_defaults_mean() -> None:
    configure("[defaults]\nhost = 'h'\nport = 'x'\ntls = 'yes'\n[profiles.prod]\nhost = 'h'\n")
    assert ":3: [defaults] port must be a whole number from 1 to 65535 (and 1 more;" in refused()
    assert settled("-h", "x", told=[]).tls is None
    assert settled("@prod", told=[]).tls is None
    configure("[defaults]\nread_only = 'yes'\n[profiles.prod]\nhost = 'h'\n")
    for args in ((), ("-h", "x"), ("@prod",)):
        assert ":2: [defaults] read_only must be true or false" in refused(*args)


def test_a_table_that_is_none_is_told_in_a_line() -> None:
    configure("defaults = 1\n")
    told: list[str] = []
    settled(told=told)
    assert len(told) == 1
    assert "config.toml" in told[0]
    assert "\n" not in refused("@prod")


@pytest.mark.parametrize(
    "text",
    ["[defaults\n", "[profiles]\nprod = 1\ndefaults = [1\n", "[defaults]\nread_only = true\nformat =\n"],
)
def test_a_file_that_cannot_be_read_may_say_that_nothing_must_be_written(text: str) -> None:
    configure(text)
    for args in ((), ("-h", "x"), ("@prod",)):
        told = refused(*args)
        assert "config.toml" in told
        assert "\n" not in told


@pytest.mark.parametrize("text", [b"# \xe9\n", b"#" * (1 << 20) + b"\n"], ids=["latin-1", "large"])
def test_what_a_file_says_that_is_no_text_may_be_that_nothing_must_be_written(text: bytes) -> None:
    path = configure("")
    path.write_bytes(b"[defaults]\nread_only = true\n" + text)
    for args in ((), ("-h", "x")):
        assert refused(*args).startswith(f"{path}: is ")
    path.write_bytes(text)
    told: list[str] = []
    assert not settled(told=told).read_only
    assert len(told) == 1


def test_a_url_with_a_password_must_be_in_a_private_file() -> None:
    path = configure("[profiles.prod]\nurl = 'redis://:hunter2@h'\n")
    assert settled("@prod").password == "hunter2"
    path.chmod(0o640)
    refusal = refused("@prod")
    assert f"url has a password, and others can read the file; chmod 600 {path} mends it" in refusal
    assert "hunter2" not in refusal
    path.write_text("[profiles.prod]\nurl = 'redis://h'\n")
    assert settled("@prod").password is None


def test_every_key_has_an_example_that_is_right() -> None:
    import tomllib

    for key, row in KEYS.items():
        row.read(tomllib.loads(f"x = {row.example}")["x"])
        assert row.summary, key
    assert len(COLORS) == 16


# -- in a session


def test_a_session_goes_on_at_a_profile_as_that_says() -> None:
    configure(
        "[profiles.a]\nhost = 'a'\nread_only = true\nname = 'x'\n[profiles.b]\nhost = 'b'\ndatabase = 2\n"
    )
    first = settled("@a", "--read-timeout", "3", "--raw")
    second = with_profile(first, "b", NOTHING, streams())
    assert (second.address, second.database) == (TcpAddress("b", 6379), 2)
    assert second.profile == Profile("b")
    assert (second.output, second.read_timeout) == ("raw", 3)
    assert second.client_name is None, "which is how the profile that was left wants to be called"
    assert second.read_only, "what could not be written before cannot be written now"
    configure("[defaults]\nread_timeout = 9\n[profiles.c]\nurl = 'redis://c?client_name=y'\n")
    third = with_profile(first, "c", NOTHING, streams())
    assert (third.read_timeout, third.client_name) == (3, "y"), (
        "what was typed stays, but for the profile's own"
    )
    typed = with_profile(settled("-4", "--natmap", "a:1=b:2"), "c", NOTHING, streams())
    assert (typed.family, len(typed.natmap)) == (4, 1)
    third = with_url(second, "redis://c")
    assert (third.profile, third.source, third.init) == (None, None, ())


def test_of_a_profile_that_is_left_nothing_stays_but_that_nothing_is_written() -> None:
    configure(
        "[defaults]\npool_size = 7\n[profiles.b]\nhost = 'b'\n[profiles.a]\nread_only = true\n"
        "url = 'redis://a?read_timeout=1&family=6'\nconn_timeout = 1\nname = 'x'\nprotocol = 2\npool_size = 1\n"
    )
    first = settled("@a", "--conn-timeout", "3")
    assert (first.family, first.pool_size, first.protocol) == (6, 1, 2)
    for later in (with_profile(first, "b", NOTHING, streams()), with_url(first, "redis://b")):
        assert (later.family, later.pool_size, later.protocol) == (0, 7, None)
        assert (later.conn_timeout, later.read_timeout, later.client_name) == (3, None, None)
        assert later.read_only
    assert with_url(first, "redis://b?pool_size=2").pool_size == 2
    assert with_profile(with_profile(first, "b", NOTHING, streams()), "a", NOTHING, streams()).pool_size == 1


# -- on a server


def test_commands_of_init_are_run_on_each_connection_before_all_else(redis82: Server) -> None:
    configure(
        f"[profiles.prod]\nhost = '{redis82.host}'\nport = {redis82.port}\ndatabase = 3\n"
        "init = ['CLIENT SETNAME \"on-call\"']\n"
        f"[profiles.bad]\nhost = '{redis82.host}'\nport = {redis82.port}\ninit = ['NOSUCH secret', 'PING']\n"
    )
    for args, stdin in [
        (("@prod", "CLIENT", "GETNAME"), b""),
        (("@prod", "-r", "1", "exec", "CLIENT", "GETNAME"), b""),
        (("@prod",), b"CLIENT GETNAME\n"),
    ]:
        assert ran(*args, stdin=stdin).stdout == b"on-call\n"
    failed = ran("@bad", "SET", "a", "1")
    assert failed.code == 4
    assert failed.said == (
        f"{redis82.host}:{redis82.port} refused NOSUCH of init: (error) ERR unknown command 'NOSUCH'; "
        "nothing was run\n"
    )
    assert redis82.command("DBSIZE") == 0


def test_the_docs_and_the_program_know_the_same_keys() -> None:
    page = (Path(__file__).parent.parent.parent / "docs/profiles.md").read_text()
    for key in KEYS:
        assert f"`{key}`" in page, key
