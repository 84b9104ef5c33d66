"""What a URL says, and what it is told when it says nothing sensible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from pyredis import (
    AsyncClusterPool,
    AsyncHashPool,
    AsyncPool,
    AsyncPubSubClient,
    AsyncSentinelHashPool,
    AsyncSentinelPool,
    PyRedisURLError,
    TcpAddress,
    UnixAddress,
)
from pyredis.options import TlsOptions
from pyredis.pool.by_url import get_by_url
from pyredis.url import Target, masked, parse


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://", Target(TcpAddress())),
        ("redis://db.example", Target(TcpAddress("db.example"))),
        ("REDIS://db.example:7000/3", Target(TcpAddress("db.example", 7000), 3)),
        ("valkey://h/0", Target(TcpAddress("h"), 0)),
        ("redis://[::1]:7000", Target(TcpAddress("::1", 7000))),
        ("redis://[::1]", Target(TcpAddress("::1"))),
        ("redis://[fe80::1%25eth0]:7000", Target(TcpAddress("fe80::1%eth0", 7000))),
        ("redis://[%3A%3A1]", Target(TcpAddress("::1"))),
        ("redis://b%C3%BCro", Target(TcpAddress("büro"))),
        ("redis://ada:pw@h", Target(TcpAddress("h"), None, "ada", "pw")),
        ("redis://ada:p@w,1@h", Target(TcpAddress("h"), None, "ada", "p@w,1")),
        ("redis://:pw@h", Target(TcpAddress("h"), None, None, "pw")),
        ("redis://pw@h", Target(TcpAddress("h"), None, None, "pw")),
        ("redis://ada:@h", Target(TcpAddress("h"), None, "ada", None)),
        ("redis://a%40b:p%2Fw%3A@h", Target(TcpAddress("h"), None, "a@b", "p/w:")),
        ("redis://ada:p@ss:w/rd@h:1/2", Target(TcpAddress("h", 1), 2, "ada", "p@ss:w/rd")),
        ("redis://h/%34", Target(TcpAddress("h"), 4)),
        ("redis://h?db=4", Target(TcpAddress("h"), 4)),
        ("redis://h/?db=4&", Target(TcpAddress("h"), 4)),
        ("redis://:%ff@h", Target(TcpAddress("h"), None, None, "\udcff")),
        ("redis://:p%3Fdb=1@h", Target(TcpAddress("h"), None, None, "p?db=1")),
        ("redis://:p%3Fw=1@h", Target(TcpAddress("h"), None, None, "p?w=1")),
        ("redis://:p?w&1==@h", Target(TcpAddress("h"), None, None, "p?w&1==")),
        (
            "redis://h?encoding=latin-1&read_timeout=0&conn_timeout=1.5&protocol=3",
            Target(
                TcpAddress("h"),
                options={"encoding": "latin-1", "read_timeout": None, "conn_timeout": 1.5, "protocol": 3},
            ),
        ),
        (
            "redis://h?acquire_timeout=0&health_check_interval=0&read_timeout=none&pool_size=3",
            Target(
                TcpAddress("h"),
                options={
                    "acquire_timeout": 0.0,
                    "health_check_interval": None,
                    "read_timeout": None,
                    "pool_size": 3,
                },
            ),
        ),
        (
            "redis://h?acquire_timeout=none&close_on_err=Yes&client_name=a+b%2Bc",
            Target(
                TcpAddress("h"),
                options={"acquire_timeout": None, "close_on_err": True, "client_name": "a+b+c"},
            ),
        ),
        ("rediss://h", Target(TcpAddress("h"), options={"tls": TlsOptions()})),
        ("VALKEYS://h?insecure=no", Target(TcpAddress("h"), options={"tls": TlsOptions()})),
        ("rediss://h?insecure=yes", Target(TcpAddress("h"), options={"tls": TlsOptions(verify=False)})),
        (
            "rediss://h?verify_hostname=no&tls_ciphers=ECDHE%2BAESGCM&family=6",
            Target(
                TcpAddress("h"),
                options={"tls": TlsOptions(verify_hostname=False, ciphers="ECDHE+AESGCM"), "family": 6},
            ),
        ),
        (
            "rediss://h?ssl_cert_reqs=CERT_NONE&socket_timeout=3&socket_connect_timeout=0",
            Target(
                TcpAddress("h"),
                options={"tls": TlsOptions(verify=False), "read_timeout": 3, "conn_timeout": None},
            ),
        ),
        (
            "rediss://h?ssl_cert_reqs=required&ssl_ca_certs=/ca&ssl_ca_path=/cas&ssl_check_hostname=false"
            "&ssl_certfile=/c&ssl_keyfile=/k",
            Target(
                TcpAddress("h"),
                options={"tls": TlsOptions("/ca", "/cas", "/c", "/k", verify_hostname=False)},
            ),
        ),
        (
            "valkeys://ada:pw@h:1/2?cacert=/c%20a.pem&cacertdir=/cas&cert=/c.pem&key=/k.pem&sni=db.example",
            Target(
                TcpAddress("h", 1),
                2,
                "ada",
                "pw",
                {"tls": TlsOptions("/c a.pem", "/cas", "/c.pem", "/k.pem", server_name="db.example")},
            ),
        ),
        ("unix:///run/redis.sock?db=2", Target(UnixAddress("/run/redis.sock"), 2)),
        ("unix://ada:pw@/run/a%40b.sock", Target(UnixAddress("/run/a@b.sock"), None, "ada", "pw")),
    ],
)
def test_a_url_says(url: str, target: Target) -> None:
    assert parse(url) == target


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a URL"),
        ("localhost:6379", "not a URL"),
        ("http://h", "unknown scheme 'http'"),
        (
            "http://u:hush@h",
            "use redis, rediss, valkey, valkeys, unix, cluster, hash, sentinel, pubsub, or two",
        ),
        ("cluster://u:hush@h", "is no URL of one server; pyredis.get_by_url() takes it"),
        ("redis+pubsub://u:hush@h", "is no URL of one server"),
        ("redis://u:hush@h,i:2", "two hosts"),
        ("redis://h?sentinel_password=hush", "which is for sentinel URLs"),
        ("redis://u:hush@h?cacert=/ca.pem", "TLS options without TLS"),
        ("unix://u:hush@/s?insecure=yes", "TLS options without TLS"),
        ("rediss://u:hush@h?key=/k.pem", "key_file without cert_file"),
        ("rediss://u:hush@h?cacert=", "option cacert: it is empty"),
        ("rediss://u:hush@h?insecure=perhaps", "option insecure: 'perhaps' is neither yes nor no"),
        ("rediss://u:hush@h?insecure", "option insecure without a value"),
        (
            "rediss://u:hush@h?ssl_cert_reqs=maybe",
            "option ssl_cert_reqs: 'maybe' is neither none nor required",
        ),
        ("rediss://u:hush@h?ssl_cert_reqs=none&insecure=no", "option insecure twice"),
        ("rediss://u:hush@h?sni=a..b", "server_name 'a..b' is no host name"),
        ("redis://u:hush@h?db=1&db=1", "option db twice"),
        ("redis://u:hush@h/1?db=4", "two databases"),
        ("redis://u:hu%sh@h", "a % that is followed by no two hexadecimal digits"),
        ("redis://u:hush@h?client_name=%2", "option client_name: a %"),
        ("redis://u:hush@h?client_name=me@evil", "write an @ of an option as %40"),
        ("redis://u:a?b=hush@hush", "the ? or & of a password as %3F or %26"),
        ("redis://h?password=p@hush", "write an @ of an option as %40"),
        ("redis://h?db=1&Pass-word=p@hush", "write an @ of an option as %40"),
        ("redis://u:pa/hush", "the port is not a number"),
        ("redis://u:pa?hush", "the port is not a number"),
        ("user:hush://hush@h:6379", "'user:***@h:6379' is not a URL"),
        ("://hush@h", "not a URL"),
        ("redis://u:hush@h?close_on_err=2", "option close_on_err"),
        ("redis://u:hush@h?pool_size=many", "option pool_size: 'many' is not a number"),
        ("redis://u:hush@h:port", "the port is not a number"),
        ("redis://u:hush@h:0", "the port is not a number from 1 to 65535"),
        ("redis://u:hush@h:65536", "the port is not a number from 1 to 65535"),
        ("redis://u:hush@h:６３７９", "the port is not a number from 1 to 65535"),
        (f"redis://u:hush@h:{'9' * 5000}", "the port is not a number from 1 to 65535"),
        ("redis://u:hush@h:+1", "not a number"),
        ("redis://u:hush@h/one", "database 'one' is not a number"),
        ("redis://u:hush@h/-1", "not a number"),
        ("redis://u:hush@h?colour=red", "unknown option 'colour'"),
        ("redis://u:hush@h?conn_timeout=soon", "option conn_timeout"),
        ("redis://u:hush@h?read_timeout=-1", "option read_timeout"),
        ("redis://u:hush@h?read_timeout=inf", "option read_timeout"),
        ("redis://u:hush@h?db=one", "option db: 'one' is not a number"),
        ("redis://h?password=hush", "unknown option 'password'"),
        ("redis://:hush/0", "the port is not a number"),
        ("redis://:hush%40h:6379/0", "two ports"),
        ("redis://u:hush:h:6379", "two ports"),
        ("u:hush", "not a URL"),
        ("u:hush@h:6379", "not a URL"),
        ("redis:/u:hush@h", "not a URL"),
        ("redis://u:hush@[::1", "brackets"),
        ("redis://u:hush@::1:6379", "brackets"),
        ("unix://u:hush@run/redis.sock", "no path"),
        ("unix://run/redis.sock", "write unix:///path/to/socket"),
        ("unix:///a/hush@c", "no path of a socket after the last @ (write an @ of the path as %40)"),
        ("unix://u:hush@/a@c", "no path of a socket after the last @ (write an @ of the path as %40)"),
        ("unix:///hush@/c", "a path before the last @ (write an @ of the path as %40,"),
        ("unix://u:hush@/a%00c", "a zero byte in the path of the socket"),
        ("redis://u:hush@h#frag", "the character '#', which no host holds,"),
        ("redis://u:hush@ h", "the character ' ', which no host holds,"),
        ("redis://u:hush@h\n", r"the character '\n', which no host holds, in redis://u:***@h\n"),
        ("redis://u:hush@h%09", r"the character '\t', which no host holds,"),
        ("redis://u:hush@h\x7f", r"the character '\x7f', which no host holds,"),
        ("redis://u:hush@h\u200b", r"the character '\u200b', which no host holds,"),
        ("redis://u:hush@%ff", r"the character '\udcff', which no host holds,"),
        ("redis://u:hush@a%2Fb", "the character '/', which no host holds,"),
        ("redis://u:hush@a%40b", "the character '@', which no host holds,"),
        ("redis://u:hush@a%3A1", "the character ':', which no host holds,"),
        ("redis://u:hush@a]:1", "the character ']', which no host holds,"),
        ("redis://u:hush@[]", "an IPv6 address stands in brackets"),
        ("redis://u:hush@[]:7000", "an IPv6 address stands in brackets"),
        ("redis://u:hush@[h]", "an IPv6 address stands in brackets"),
        ("redis://u:hush@[h:7000]", "an IPv6 address stands in brackets"),
        ("redis://u:hush@[::1 ]", "an IPv6 address stands in brackets"),
        ("redis://u:hush@[::1]7000", "an IPv6 address stands in brackets"),
    ],
)
def test_a_url_that_means_nothing_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(PyRedisURLError) as caught:
        parse(url)
    assert isinstance(caught.value, ValueError)
    assert says in str(caught.value)
    assert "hush" not in str(caught.value)


def test_masking_hides_the_password_and_nothing_else() -> None:
    assert masked("redis://ada:p@ss@h:1/2") == "redis://ada:***@h:1/2"
    assert masked("redis://hush@h") == "redis://***@h"
    assert masked("redis://h:1") == "redis://h:1"
    assert masked("redis://[::1]:1/2?db=1") == "redis://[::1]:1/2?db=1"
    assert masked("cluster://[::1]:1,[::2],h:1/2") == "cluster://[::1]:1,[::2],h:1/2"
    assert masked("unix:///run/a:b") == "unix:///run/a:b"
    assert masked("redis://h?db=1&password=hush") == "redis://h?db=1&password=***"
    assert masked("redis://u:hu://sh@h") == "redis://u:***@h"
    assert masked("u:hush@h") == "u:***@h"


def test_masking_hides_what_may_be_a_part_of_a_password() -> None:
    assert masked("redis://h:hush/0") == "redis://h:***"
    assert masked("redis://u:hu/sh?hush") == "redis://u:***"
    assert masked("redis://u:123456") == "redis://u:***"
    assert masked("cluster://h:1,u:hush,hush") == "cluster://h:1,u:***"
    assert masked("redis://hush@h,hush:hush@i") == "redis://***@i"
    assert masked("redis://h?password=hu&sh") == "redis://h?password=***&***"
    assert masked("sentinel://h/a?sentinel_password=hu&db=1&sh=") == (
        "sentinel://h/a?sentinel_password=***&db=1&***"
    )
    assert masked("redis://h?password=hu@sh") == "redis://***"
    assert masked("u:hu://sh@h") == "u:***@h"


def test_masking_leaves_nothing_that_would_not_print() -> None:
    assert masked("redis://h\n\x1b[31m\udcff/0") == r"redis://h\n\x1b[31m\udcff/0"


def test_a_pool_is_made_of_what_the_url_says() -> None:
    pool = get_by_url(
        "rediss://ada:pw@db.example:7000/3?pool_size=2&protocol=3&conn_timeout=9&read_timeout=0&encoding=latin-1"
    )

    assert isinstance(pool, AsyncPool)
    assert pool.address == TcpAddress("db.example", 7000)
    assert (pool.username, pool.password, pool.database) == ("ada", "pw", 3)
    assert (pool.pool_size, pool.protocol, pool.encoding) == (2, 3, "latin-1")
    assert (pool.conn_timeout, pool.read_timeout) == (9, None)
    assert "pw" not in repr(pool)


def test_a_pool_is_made_of_the_path_of_a_socket() -> None:
    assert get_by_url("unix:///run/redis.sock?db=2").address == UnixAddress("/run/redis.sock")


def test_options_win_over_the_url() -> None:
    pool = get_by_url("redis://:one@h/3?conn_timeout=9", database=4, conn_timeout=1, password="two")

    assert (pool.database, pool.conn_timeout, pool.password) == (4, 1, "two")


@pytest.mark.parametrize("url", ["cluster://h", "sentinel://h/a", "sentinel://h/a,b"])
@pytest.mark.parametrize("said", ["replica_ok", "slave_ok"])
@pytest.mark.parametrize("given", ["replica_ok", "slave_ok"])
@pytest.mark.parametrize("wanted", [True, False])
def test_either_spelling_of_replica_ok_wins_over_the_url(
    url: str, said: str, given: str, wanted: bool
) -> None:
    arguments = parse(f"{url}?{said}={'no' if wanted else 'yes'}", any_kind=True).arguments({given: wanted})
    assert {name: value for name, value in arguments.items() if name.endswith("_ok")} == {given: wanted}

    get_by_url(f"{url}?{said}={'no' if wanted else 'yes'}", **{given: wanted})


def test_the_password_of_a_url_is_not_given_to_another_sentinel_user() -> None:
    target = parse("sentinel://ada:one@h/a?sentinel_username=sue&sentinel_password=two", any_kind=True)

    assert "sentinel_password" not in target.arguments({"sentinel_username": "bob"})
    assert "sentinel_password" not in target.arguments({"sentinel_username": None})
    assert (
        target.arguments({"sentinel_username": "bob", "sentinel_password": "x"})["sentinel_password"] == "x"
    )
    assert target.arguments({"sentinel_username": "sue"})["sentinel_password"] == "two"
    assert target.arguments({"username": "bob"})["sentinel_password"] == "two"
    assert target.arguments({"sentinel_username": "bob"})["password"] == "one"
    nameless = parse("sentinel://h/a?sentinel_password=two", any_kind=True)
    assert nameless.arguments({"sentinel_username": "bob"})["sentinel_password"] == "two"


def test_the_password_of_a_url_is_not_given_to_another_user() -> None:
    assert get_by_url("redis://ada:one@h", username="bob").password is None
    assert get_by_url("redis://ada:one@h", username="ada").password == "one"
    assert get_by_url("redis://:one@h", username="bob").password == "one"


def test_a_pool_by_url_is_for_asyncio_only() -> None:
    with pytest.raises(
        PyRedisURLError, match=r"no synchronous client for redis://u:\*\*\*@h: .* asyncio only"
    ):
        get_by_url("redis://u:hush@h", async_client=False)


@pytest.mark.parametrize("async_client", [True, False])
@pytest.mark.parametrize("url", [5, None, b"redis://h"])
def test_a_url_is_a_str(url: object, async_client: bool) -> None:
    with pytest.raises(TypeError, match="a URL is a str, not "):
        get_by_url(url, async_client)  # type: ignore[arg-type]  # what a caller may do


ONE: Final = TcpAddress("one", 7000)
TWO: Final = TcpAddress("two", 6379)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("cluster://one:7000,two", Target(ONE, kind="cluster", others=(TWO,))),
        ("cluster://", Target(TcpAddress(), kind="cluster")),
        ("redis+cluster://one:7000/2", Target(ONE, 2, kind="cluster")),
        (
            "cluster://[::1]:7000,[::2]",
            Target(TcpAddress("::1", 7000), kind="cluster", others=(TcpAddress("::2"),)),
        ),
        (
            "cluster://u:pw@one:7000?replica_ok=yes",
            Target(ONE, None, "u", "pw", {"replica_ok": True}, "cluster"),
        ),
        ("Redis+Cluster://u:p%2Cw@one:7000", Target(ONE, None, "u", "p,w", kind="cluster")),
        (
            "cluster://:7000,:7001",
            Target(TcpAddress(port=7000), kind="cluster", others=(TcpAddress(port=7001),)),
        ),
        ("rediss+cluster://one:7000", Target(ONE, options={"tls": TlsOptions()}, kind="cluster")),
        (
            "valkeys+hash://one:7000,two?insecure=yes",
            Target(ONE, options={"tls": TlsOptions(verify=False)}, kind="hash", others=(TWO,)),
        ),
        ("hash://one:7000,two/3", Target(ONE, 3, kind="hash", others=(TWO,))),
        (
            "sentinel://one:7000,two?name=orders",
            Target(ONE, kind="sentinel", others=(TcpAddress("two", 26379),), groups=("orders",)),
        ),
        ("redis+sentinel://one:7000/orders/4", Target(ONE, 4, kind="sentinel", groups=("orders",))),
        ("sentinel://one:7000/orders?db=4", Target(ONE, 4, kind="sentinel", groups=("orders",))),
        ("sentinel://one:7000/4?name=a%2Fb", Target(ONE, 4, kind="sentinel", groups=("a/b",))),
        ("sentinel://one:7000/a,b", Target(ONE, kind="sentinel", groups=("a", "b"))),
        (
            "sentinel://u:pw@one:7000/a?retries=5&slave_ok=1&sentinel_username=s&sentinel_password=%40",
            Target(
                ONE,
                None,
                "u",
                "pw",
                {"retries": 5, "slave_ok": True, "sentinel_username": "s", "sentinel_password": "@"},
                "sentinel",
                groups=("a",),
            ),
        ),
        ("pubsub://one:7000/1", Target(ONE, 1, kind="pubsub")),
    ],
)
def test_a_url_of_several_servers_says(url: str, target: Target) -> None:
    assert parse(url, any_kind=True) == target


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("cluster://u:hush@one,,two", "a comma without a host"),
        ("cluster://u:hush@one,", "a comma without a host"),
        ("cluster://u:hush@h1,u:hush@two", "a comma before the last @"),
        ("cluster://hush@h1,hush@two", "a comma before the last @"),
        ("cluster://hush@h1,hush:hush@two", "a comma before the last @"),
        ("hash://one:7000,u:hush@two", "user and password stand once, before the first host"),
        ("sentinel://u:hush,@one/a", "a comma in them is %2C"),
        ("cluster://u:hush@one,t%2Cwo", "the character ',', which no host holds,"),
        ("cluster://u:hush@one, two", "the character ' ', which no host holds,"),
        ("cluster://u:hush@one,[::1", "an IPv6 address stands in brackets"),
        ("cluster://u:hush@one,::1", "an IPv6 address stands in brackets"),
        ("cluster://u:hush@one,two:0", "the port is not a number from 1 to 65535"),
        ("cluster://,", "a comma without a host"),
        ("cluster://one:1,two:hush", "the port is not a number"),
        ("cluster://u:hush@one/db", "database 'db' is not a number"),
        ("cluster://u:hush@one?name=x", "option name, which is for sentinel URLs"),
        ("hash://u:hush@one?replica_ok=yes", "which is for cluster and sentinel URLs"),
        ("pubsub://u:hush@one?pool_size=3", "option pool_size, which is for server and"),
        ("pubsub://u:hush@one,two", "two hosts"),
        ("cluster://u:hush@one?slave_ok=yes&replica_ok=no", "replica_ok and slave_ok, which mean the same,"),
        ("cluster://u:hush@one?slave_ok=no&replica_ok=yes", "replica_ok and slave_ok, which mean the same,"),
        ("sentinel://u:hush@one", "no name of a group"),
        ("sentinel://u:hush@one?name=a,", "no name of a group"),
        ("sentinel://u:hush@one/a?name=b", "the name of the group twice"),
        ("sentinel://u:hush@one/a/b", "database 'b' is not a number"),
        ("sentinel://u:hush@one/a/1?db=1", "two databases"),
        ("sentinel://one/a?x=1&sentinel_password=hush", "unknown option 'x'"),
        ("sentinel://one/a?sentinel_password=x&hush", "write an & of a value as %26"),
        ("sentinel://one/a?sentinel_password=x&hush=1", "write an & of a value as %26"),
        ("sentinel://one:1/a?sentinel_password=p@hush", "write an @ of an option as %40"),
        ("sentinel://one/a?sentinel_password=p@hush", "an option before the last @ of sentinel://***;"),
        ("sentinel://one/a?sentinel_password=%hush", "a % that is followed"),
        ("cluster://u:hush@one?cacert=/ca.pem", "TLS options without TLS"),
        ("unix+cluster://u:hush@one", "unknown scheme 'unix+cluster'"),
    ],
)
def test_a_url_of_several_servers_that_means_nothing_is_refused(url: str, says: str) -> None:
    with pytest.raises(PyRedisURLError) as caught:
        parse(url, any_kind=True)
    assert says in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("redis://one:7000", AsyncPool, "one:7000"),
        ("cluster://one:7000,two", AsyncClusterPool, "one:7000,two:6379"),
        ("valkey+hash://one:7000,two", AsyncHashPool, "one:7000,two:6379"),
        ("redis+sentinel://one/orders/0", AsyncSentinelPool, "orders"),
        ("sentinel://one?name=a,b", AsyncSentinelHashPool, "a,b"),
        ("pubsub://one:7000", AsyncPubSubClient, "one:7000"),
    ],
)
async def test_a_url_makes_the_right_object(url: str, kind: type, shown: str) -> None:
    made = get_by_url(url, conn_timeout=7)
    assert type(made) is kind
    assert shown in repr(made)


def test_what_a_url_says_of_sentinels_reaches_their_pool() -> None:
    pool = get_by_url("sentinel://u:pw@one:7000,two/orders/3?retries=5&replica_ok=yes&sentinel_password=hush")

    assert isinstance(pool, AsyncSentinelPool)
    assert (pool.name, pool.retries, pool.replica_ok, pool.slave_ok) == ("orders", 5, True, True)
    assert pool.sentinels == (ONE, TcpAddress("two", 26379))
    assert (pool.username, pool.password, pool.database) == ("u", "pw", 3)
    assert "hush" not in repr(pool)
    assert "hush" not in repr(parse("sentinel://one/a?sentinel_password=hush", any_kind=True))


REFUSED: Final = [
    ("redis://u:hush@h?pool_size=0", "pool_size must be at least 1, got 0"),
    ("redis://u:hush@h?protocol=4", "protocol must be 2 or 3, got 4"),
    ("redis://u:hush@h?encoding=utf-16", "encoding 'utf-16' does not keep ASCII"),
    ("rediss://u:hush@h?client_name=a%20b", "client_name must be printable ASCII without blanks, got 'a b'"),
]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        *REFUSED,
        ("pubsub://u:hush@h?protocol=4", "protocol must be 2 or 3, got 4"),
        ("cluster://u:hush@h?pool_size=0", "pool_size must be at least 1"),
        ("sentinel://u:hush@h/a?retries=0", "retries must be at least 1, got 0"),
        ("sentinel://u:hush@h/a,b?retries=0&sentinel_password=hush", "retries must be at least 1, got 0"),
        ("hash://u:hush@h,h", "a bucket is there twice"),
        ("sentinel://u:hush@h/a,a", "a bucket is there twice"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"read_timeout": 7}])
def test_what_a_pool_refuses_of_a_url_is_told_with_the_url(
    url: str, says: str, options: dict[str, object]
) -> None:
    with pytest.raises(PyRedisURLError) as caught:
        get_by_url(url, **options)  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert str(caught.value).endswith(f" in {masked(url)}")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(("url", "says"), REFUSED)
def test_what_a_pool_of_one_server_refuses_of_a_url_is_told_with_the_url(url: str, says: str) -> None:
    with pytest.raises(PyRedisURLError) as caught:
        AsyncPool.from_url(url)
    assert says in str(caught.value)
    assert str(caught.value).endswith(f" in {masked(url)}")


@pytest.mark.parametrize("make", [get_by_url, AsyncPool.from_url])
def test_an_option_beside_the_url_that_is_refused_is_no_mistake_of_the_url(
    make: Callable[..., object],
) -> None:
    with pytest.raises(ValueError, match=r"pool_size must be at least 1, got 0$") as caught:
        make("redis://h?pool_size=3", pool_size=0)
    assert not isinstance(caught.value, PyRedisURLError)
    make("redis://h?pool_size=0", pool_size=3)
    with pytest.raises(ValueError, match=r"protocol must be 2 or 3, got 4$") as caught:
        make("redis://h?pool_size=0", pool_size=3, protocol=4)
    assert not isinstance(caught.value, PyRedisURLError)
    with pytest.raises(TypeError):
        make("redis://h", colour="red")


def test_a_subclass_may_need_more_than_the_url_says() -> None:
    class Named(AsyncPool):
        def __init__(self, *, label: str, **options: Any) -> None:
            if not label:
                raise ValueError("a pool without a label")
            super().__init__(**options)

    assert type(Named.from_url("redis://h", label="x")) is Named  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"without a label$"):
        Named.from_url("redis://h", label="")  # type: ignore[call-arg]


def test_a_pool_of_one_server_is_not_made_of_a_cluster() -> None:
    with pytest.raises(PyRedisURLError, match="get_by_url"):
        AsyncPool.from_url("cluster://one,two")


@pytest.mark.parametrize("options", [{"host": "other"}, {"port": 1}, {"unix_sock": "/s"}])
def test_only_the_url_says_where_the_server_is(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the URL says where the server is"):
        get_by_url("redis://h", **options)  # type: ignore[arg-type]  # what a caller may do


@pytest.mark.parametrize("tls", [False, None])
def test_no_option_takes_away_the_encryption_that_the_url_asks_for(tls: bool | None) -> None:
    with pytest.raises(ValueError, match="the URL asks for TLS"):
        get_by_url("rediss://h", tls=tls)


def test_repr_of_a_target_hides_the_password() -> None:
    assert "hush" not in repr(parse("redis://u:hush@h"))
