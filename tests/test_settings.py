"""Which source of a setting wins, and what is asked of whom. No network."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from pyredis.address import TcpAddress, UnixAddress
from pyredis.exceptions import PyRedisURLError
from pyredis.options import TlsOptions
from pyredis.records import dataclass, field
from pyredis_cli.elsewhere import with_url
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse
from pyredis_cli.places import Group
from pyredis_cli.settings import Settings, settle
from pyredis_cli.streams import Streams

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Person(Streams):
    """Streams with a person who gives these answers."""

    answers: tuple[str, ...] = ()
    questions: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        self.questions.append(question)
        if len(self.questions) > len(self.answers):
            raise EOFError
        return self.answers[len(self.questions) - 1]

    ask_hidden = ask


def person(*answers: str) -> Person:
    return Person(io.BytesIO(), io.BytesIO(), io.BytesIO(), stdin_tty=True, stderr_tty=True, answers=answers)


def nobody() -> Streams:
    return Streams(io.BytesIO(), io.BytesIO(), io.BytesIO())


def settled(*args: str, streams: Streams | None = None, environ: Mapping[str, str] = NOTHING) -> Settings:
    return settle(parse(args), environ, streams or nobody())


def said(streams: Streams) -> str:
    assert isinstance(streams.stderr, io.BytesIO)
    return streams.stderr.getvalue().decode()


def test_the_defaults_are_a_local_server_and_a_patient_reader() -> None:
    assert settled() == Settings(
        address=TcpAddress("127.0.0.1", 6379),
        database=0,
        username=None,
        password=None,
        encoding="utf-8",
        conn_timeout=5,
        read_timeout=None,
        pool_size=16,
        protocol=None,
        output=None,
    )


@pytest.mark.parametrize(
    ("args", "address"),
    [
        (["-h", "db"], TcpAddress("db", 6379)),
        (["-p", "7000"], TcpAddress("127.0.0.1", 7000)),
        (["-s", "/s", "-h", "db"], UnixAddress("/s")),
        (["-u", "redis://db:7000"], TcpAddress("db", 7000)),
        (["-u", "unix:///s"], UnixAddress("/s")),
        (["-u", "redis://[::1]:7000"], TcpAddress("::1", 7000)),
        (["valkey://[fe80::1]"], TcpAddress("fe80::1", 6379)),
        (["-h", "::1"], TcpAddress("::1", 6379)),
    ],
)
def test_the_address_is_the_most_specific_one(args: list[str], address: TcpAddress | UnixAddress) -> None:
    assert settled(*args).address == address


def test_c_asks_for_a_cluster_and_so_does_a_url() -> None:
    assert settled("-c", "-p", "7000") == Settings(TcpAddress("127.0.0.1", 7000), cluster=True)
    assert settled("-c", "-u", "redis://db").cluster
    for scheme in ("cluster", "redis+cluster", "rediss+cluster", "valkey+cluster"):
        told = settled("-u", f"{scheme}://one:1,two")
        assert (told.address, told.others) == (TcpAddress("one", 1), (TcpAddress("two", 6379),))
        assert (told.cluster, told.tls is not None) == (True, scheme == "rediss+cluster")
    assert not settled("-p", "7000").cluster


def test_a_url_of_sentinels_says_whom_to_ask_for_what() -> None:
    url = "sentinel://ada:pw@one,two:1/mymaster/3?sentinel_password=hush&sentinel_username=eve&retries=5"
    told = settled("-u", url, "--no-auth-warning")
    assert told.group == Group(
        (TcpAddress("one", 26379), TcpAddress("two", 1)),
        "mymaster",
        retries=5,
        username="eve",
        password="hush",
    )
    assert (told.username, told.password, told.database, told.cluster) == ("ada", "pw", 3, False)
    assert "hush" not in repr(told)
    replica = settled("-u", "redis+sentinel://one/mymaster?slave_ok=yes").group
    assert replica is not None
    assert replica.replica_ok


def test_another_server_has_nothing_of_the_sentinels_and_stays_a_cluster() -> None:
    there = TcpAddress("there", 1)
    assert settled("-u", "sentinel://one/mymaster").at(there) == Settings(there)
    assert settled("-u", "cluster://one,two").at(there) == Settings(there, cluster=True)


def test_flags_win_over_the_url() -> None:
    url = "redis://ada:one@db/3?conn_timeout=9&read_timeout=8&encoding=latin-1&protocol=3"
    told = settled("-u", url)
    overruled = settled(
        *("-u", url, "-n", "4", "--user", "ada", "-a", "two", "-t", "0", "--read-timeout", "7", "-2"),
        *("--encoding", "utf-8"),
    )

    assert (told.database, told.username, told.password) == (3, "ada", "one")
    assert (told.conn_timeout, told.read_timeout, told.encoding, told.protocol) == (9, 8, "latin-1", 3)
    assert (overruled.database, overruled.username, overruled.password) == (4, "ada", "two")
    assert (overruled.conn_timeout, overruled.read_timeout) == (None, 7)
    assert (overruled.encoding, overruled.protocol) == ("utf-8", 2)


def test_the_url_asks_for_tls_and_says_how() -> None:
    assert settled("-u", "rediss://db?cacert=/ca.pem&sni=other").tls == TlsOptions(
        ca_file="/ca.pem", server_name="other"
    )
    assert settled("-u", "valkeys://db?insecure=yes").tls == TlsOptions(verify=False)
    assert settled("-u", "redis://db").tls is None


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["--tls"], TlsOptions()),
        (["--tls", "redis://db"], TlsOptions()),
        (["--tls", "--cacert", "/ca", "--cacertdir", "/cas"], TlsOptions("/ca", "/cas")),
        (["rediss://db", "--cacert", "/ca"], TlsOptions("/ca")),
        (["rediss://db?cacert=/url&sni=url", "--cacert", "/flag"], TlsOptions("/flag", server_name="url")),
        (["--tls", "--cert", "/c", "--key", "/k"], TlsOptions(cert_file="/c", key_file="/k")),
        (["rediss://db?cert=/c", "--key", "/k", "--cert", "/d"], TlsOptions(cert_file="/d", key_file="/k")),
        (["--tls", "--sni", "other"], TlsOptions(server_name="other")),
        (["--tls", "--insecure"], TlsOptions(verify=False)),
        (["rediss://db?insecure=no", "--insecure"], TlsOptions(verify=False)),
        (["--tls", "--no-verify-hostname"], TlsOptions(verify_hostname=False)),
        (
            ["--tls", "--tls-ciphers", "A", "--tls-ciphersuites", "B"],
            TlsOptions(ciphers="A", ciphersuites="B"),
        ),
    ],
)
def test_flags_ask_for_tls_and_win_over_the_url(args: list[str], options: TlsOptions) -> None:
    assert settled(*args).tls == options


def test_the_version_of_ip_and_the_name_are_flags_or_in_the_url() -> None:
    told = settled("redis://db?family=6&client_name=ada")
    assert (told.family, told.client_name) == (6, "ada")
    told = settled("redis://db?family=6&client_name=ada", "-4", "--name", "bob")
    assert (told.family, told.client_name) == (4, "bob")
    assert (settled().family, settled().client_name) == (0, None)
    later = with_url(settled("-6", "--name", "ada"), "redis://b?client_name=eve")
    assert (later.family, later.client_name) == (6, "eve")


def test_the_size_of_the_pool_is_a_flag_or_in_the_url() -> None:
    assert settled("-u", "redis://db?pool_size=3").pool_size == 3
    assert settled("-u", "redis://db?pool_size=3", "--pool-size", "4").pool_size == 4


def test_no_limit_is_0_in_flags_and_in_the_url() -> None:
    assert settled("-t", "0", "--read-timeout", "0").conn_timeout is None
    assert settled("-u", "redis://db?conn_timeout=0").conn_timeout is None


def test_the_password_comes_from_the_flag_then_the_url_then_the_environment() -> None:
    environ = {"REDISCLI_AUTH": "environment", "VALKEYCLI_AUTH": "other"}

    assert settled("-a", "flag", "-u", "redis://:url@db", environ=environ).password == "flag"
    assert settled("-u", "redis://:url@db", environ=environ).password == "url"
    assert settled(environ=environ).password == "environment"
    assert settled(environ={"VALKEYCLI_AUTH": "other"}).password == "other"
    assert settled(environ={"REDISCLI_AUTH": ""}).password is None
    assert settled("-a", "").password == ""


def test_the_user_comes_from_the_flag_then_the_url_then_the_environment() -> None:
    environ = {"VALKEYCLI_USER": "env", "REDISCLI_AUTH": "pw"}

    assert settled("--user", "flag", "-u", "redis://url:x@db", environ=environ).username == "flag"
    assert settled("-u", "redis://url:x@db", environ=environ).username == "url"
    assert settled(environ=environ).username == "env"
    assert settled("redis://:of-default@db", environ=environ).username is None
    assert settled("--embedded", environ=environ).username is None
    assert settled(environ={"VALKEYCLI_USER": ""}).username is None


def test_a_url_is_no_host_and_is_not_repeated_with_its_password() -> None:
    with pytest.raises(UsageError) as refusal:
        parse(["-h", "redis://:hunter2@h", "PING"])
    assert str(refusal.value) == "-h must be a name or an address; -u takes a URL, not 'redis://:***@h'"
    with pytest.raises(UsageError) as refusal:
        settled(environ={"VALKEYCLI_HOST": "redis://:hunter2@h"})
    assert str(refusal.value) == "VALKEYCLI_HOST must be a name or an address; REDIS_URL takes a URL"


def test_the_host_and_the_port_come_from_the_flag_then_the_environment() -> None:
    environ = {"VALKEYCLI_HOST": "env", "VALKEYCLI_PORT": "7000", "REDIS_URL": "redis://url"}

    assert settled(environ=environ).address == TcpAddress("env", 7000)
    assert settled("-h", "flag", environ=environ).address == TcpAddress("flag", 7000)
    assert settled("-p", "1", environ=environ).address == TcpAddress("env", 1)
    assert settled("redis://one", environ=environ).address == TcpAddress("one", 6379)
    assert settled("-s", "/s", environ=environ).address == UnixAddress("/s")
    assert settled(environ={"VALKEYCLI_HOST": "", "VALKEYCLI_PORT": ""}).address == TcpAddress()
    for port in ("0", "65536", "redis"):
        with pytest.raises(UsageError, match=f"VALKEYCLI_PORT must be .* from 1 to 65535, not '{port}'"):
            settled(environ={"VALKEYCLI_PORT": port})


@pytest.mark.parametrize("name", ["REDIS_URL", "VALKEY_URL"])
def test_a_url_in_the_environment_holds_when_nothing_else_names_a_server(name: str) -> None:
    environ = {name: "rediss://ada:pw@db:7000/3?cacert=/ca"}

    told = settled(environ=environ)

    assert (told.address, told.database, told.variable) == (TcpAddress("db", 7000), 3, name)
    assert (told.username, told.password, told.tls) == ("ada", "pw", TlsOptions("/ca"))
    assert settled("-n", "4", "--user", "bob", environ=environ).database == 4
    for other in (
        ["-h", "b"],
        ["-p", "6379"],
        ["-s", "/s"],
        ["-u", "redis://b"],
        ["redis://b"],
        ["--embedded"],
    ):
        overruled = settled(*other, environ=environ)
        assert (overruled.variable, overruled.password, overruled.tls) == ("", None, None)
    assert settled(environ={"REDIS_URL": "redis://a", "VALKEY_URL": "redis://b"}).address == TcpAddress("a")
    with pytest.raises(UsageError, match=f"{name}: unknown scheme 'http'"):
        settled(environ={name: "http://:s3cret@db"})


def test_a_password_in_the_environment_is_not_warned_of() -> None:
    streams = nobody()
    settled(environ={"REDIS_URL": "redis://:pw@db"}, streams=streams)
    settled(environ={"REDISCLI_AUTH": "pw"}, streams=streams)
    assert said(streams) == ""


@pytest.mark.parametrize(
    ("url", "who"),
    [
        ("redis://a%3Ab:p%40w%2Fx@h", ("a:b", "p@w/x")),
        ("redis://ada:p@ss@w@h", ("ada", "p@ss@w")),
        ("redis://:pw@h", (None, "pw")),
        ("redis://pw@h", (None, "pw")),
        ("redis://ada:@h", ("ada", "")),
    ],
)
def test_user_and_password_of_a_url(url: str, who: tuple[str | None, str | None]) -> None:
    told = settled(url, "--no-auth-warning")
    assert (told.username, told.password, told.address) == (*who, TcpAddress("h"))


def test_askpass_wins_over_every_password() -> None:
    ada = person("typed")

    told = settled(
        "--askpass", "-a", "flag", "--no-auth-warning", streams=ada, environ={"REDISCLI_AUTH": "environment"}
    )

    assert told.password == "typed"
    assert ada.questions == ["Password: "]


def test_askpass_without_a_terminal_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--askpass needs a terminal.*REDISCLI_AUTH"):
        settled("--askpass")


def test_a_user_without_a_password_is_asked_for_it() -> None:
    ada = person("typed")

    told = settled("-n", "2", "--user", "alice", streams=ada)

    assert (told.database, told.username, told.password) == (2, "alice", "typed")
    assert ada.questions == ["Password for alice: "]


def test_a_user_without_a_password_and_without_a_terminal_gets_an_empty_one() -> None:
    assert settled("--user", "alice").password == ""


def test_a_user_whose_password_is_in_the_environment_is_asked_nothing() -> None:
    assert (
        settled("--user", "alice", streams=person(), environ={"REDISCLI_AUTH": "known"}).password == "known"
    )


def test_a_bare_user_is_asked_for_the_name_too() -> None:
    ada = person("alice", "typed")

    told = settled("--user", streams=ada)

    assert (told.username, told.password) == ("alice", "typed")
    assert ada.questions == ["User name: ", "Password for alice: "]


def test_a_bare_user_without_a_terminal_is_refused() -> None:
    with pytest.raises(UsageError, match="--user needs a name"):
        settled("--user")


@pytest.mark.parametrize("answers", [(), ("",)])
def test_a_user_who_types_no_name_is_told_so(answers: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        settled("--user", streams=person(*answers))


def test_the_password_of_a_url_is_not_given_to_another_user() -> None:
    assert settled("-u", "redis://ada:one@db", "--user", "bob").password == ""
    assert settled("-u", "redis://:one@db", "--user", "bob").password == "one"


def test_the_environment_is_not_for_an_embedded_server() -> None:
    assert settled("--embedded", environ={"REDISCLI_AUTH": "known"}).password is None


@pytest.mark.parametrize("args", [["-a", "x"], ["-u", "redis://:x@db"]])
def test_a_password_that_others_can_see_is_warned_of_unless_asked_not_to(args: list[str]) -> None:
    warned, quiet = nobody(), nobody()
    settled(*args, streams=warned)
    settled(*args, "--no-auth-warning", streams=quiet)

    assert said(warned).startswith("Warning: ")
    assert said(warned).count("\n") == 1
    assert said(quiet) == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-2", "-3"], "-2 and -3 exclude each other"),
        (["--embedded", "-h", "db"], "--embedded starts a server of its own"),
        (["--embedded", "-p", "1"], "--embedded starts a server of its own"),
        (["--embedded", "-s", "/s"], "--embedded starts a server of its own"),
        (["--embedded", "redis://db"], "--embedded starts a server of its own"),
        (["-u", "unix:///s", "-p", "7000"], "the URL says where the server is; leave out -h, -p and -s"),
        (["-p", "7000", "redis://db"], "the URL says where the server is; leave out -h, -p and -s"),
        (["-u", "redis://db", "-s", "/s"], "the URL says where the server is; leave out -h, -p and -s"),
        (["-u", "redis://db?encoding=bogus"], "the URL says encoding=bogus"),
        (["-u", "redis://db?protocol=4"], "the URL says protocol=4"),
        (["-u", "redis://db?family=5"], "the URL says family=5; there are 4 and 6"),
        (["-u", "redis://db?client_name=a%20b"], "the URL says client_name=a b; it must be printable ASCII"),
        (["-4", "-6"], "-4 and -6 exclude each other"),
        (["--cacert", "/ca"], "--cacert is about TLS; give --tls, too, or a URL that begins with rediss://"),
        (["--key", "/k", "redis://db"], "--key is about TLS; give --tls, too"),
        (["--insecure"], "--insecure is about TLS; give --tls, too"),
        (["--no-verify-hostname"], "--no-verify-hostname is about TLS"),
        (["--tls-ciphersuites", "x"], "--tls-ciphersuites is about TLS"),
        (["--tls", "--key", "/k"], "--key is shown with its certificate; give that with --cert"),
        (["--tls", "--sni", "a..b"], "--sni 'a..b' is no host name"),
        (["--embedded", "--tls"], "--embedded starts a server that speaks no TLS"),
        (["-c", "-s", "/s"], "not reached by a unix socket; leave out -s, or -c"),
        (["-c", "unix:///s"], "not reached by a unix socket; use cluster://host, or leave out -c"),
        (["-c", "sentinel://one/g"], "not reached by sentinels; use cluster://host, or leave out -c"),
        (["-c", "--embedded"], "--embedded starts a server that is in no cluster; leave out -c"),
        (["cluster://one?replica_ok=yes"], "connect to a replica, type READONLY"),
        (["hash://one,two"], "hash://one,two: hash:// URLs are for the library"),
        (["pubsub://:pw@one"], r"pubsub://:\*\*\*@one: pubsub:// URLs are for the library"),
        (["sentinel://one/g,h"], "several groups are for the library"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settled(*args)


def test_a_url_that_cannot_be_read_is_refused_without_its_password() -> None:
    with pytest.raises(PyRedisURLError) as raised:
        settled("-u", "redis://:hunter2@db:port", "--no-auth-warning")
    assert "hunter2" not in str(raised.value)


def test_the_repr_of_settings_has_no_password() -> None:
    assert "hunter2" not in repr(settled("-a", "hunter2"))


# -- the URL of a session that goes on elsewhere


def test_a_later_url_says_where_and_as_whom_all_by_itself() -> None:
    before = settled("-u", "rediss://ada:one@a:1/3?cacert=/ca", "--no-raw", "--conn-timeout", "7")
    after = with_url(before, "redis://b")
    assert (after.address, after.database, after.tls) == (TcpAddress("b", 6379), 0, None)
    assert (after.username, after.password) == (None, None)
    assert (after.output, after.conn_timeout) == ("redis", 7)


def test_a_later_url_says_as_much_as_a_first_one() -> None:
    url = "valkeys://grace:two@b:2/5?insecure=yes&read_timeout=9&conn_timeout=none&protocol=2&pool_size=3"
    assert with_url(settled("-a", "one"), url) == settled("-u", url)
    url = "unix://:two@/tmp/socket?db=4"
    assert with_url(settled("-h", "a", "-a", "one"), url) == settled("-u", url)


@pytest.mark.parametrize("url", ["cluster://b,c", "redis+sentinel://b,c:1/group/2?replica_ok=yes"])
@pytest.mark.parametrize("first", [(), ("-c",), ("sentinel://a/other",)])
def test_a_later_url_may_be_that_of_a_cluster_or_of_sentinels(url: str, first: tuple[str, ...]) -> None:
    assert with_url(settled(*first), url) == settled("-u", url)


def test_a_session_that_follows_redirects_goes_on_to_do_so() -> None:
    assert with_url(settled("-c"), "redis://b") == settled("-c", "redis://b")
    assert with_url(settled("-c"), "unix:///s") == settled("unix:///s")


def test_a_user_without_a_password_in_a_later_url_has_not_that_of_another() -> None:
    assert with_url(settled("-a", "one"), "redis://grace:@b").password == ""


@pytest.mark.parametrize(
    "url", ["redis://u:s3cret@b?protocol=4", "redis://u:s3cret@b?encoding=latin-1", "x://u:s3cret@b"]
)
def test_a_later_url_that_cannot_be_meant_is_refused_without_its_password(url: str) -> None:
    with pytest.raises((UsageError, PyRedisURLError)) as refused:
        with_url(settled(), url)
    assert "s3cret" not in str(refused.value)
