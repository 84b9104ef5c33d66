"""What a URL says, and what it is told when it says nothing sensible."""

from __future__ import annotations

import pytest

from pyredis import AsyncPool, PyRedisURLError, TcpAddress, UnixAddress
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
        ("redis://ada:pw@h", Target(TcpAddress("h"), None, "ada", "pw")),
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
        ("redis://:p?w=1@h", Target(TcpAddress("h"), None, None, "p?w=1")),
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
        ("cluster://u:hush@h", "use redis, rediss, valkey, valkeys or unix"),
        ("redis://u:hush@h?cacert=/ca.pem", "TLS options without TLS"),
        ("unix://u:hush@/s?insecure=yes", "TLS options without TLS"),
        ("rediss://u:hush@h?key=/k.pem", "key_file without cert_file"),
        ("rediss://u:hush@h?cacert=", "option cacert: it is empty"),
        ("rediss://u:hush@h?insecure=perhaps", "option insecure: 'perhaps' is neither yes nor no"),
        ("rediss://u:hush@h?insecure", "option insecure without a value"),
        ("rediss://u:hush@h?sni=a..b", "server_name 'a..b' is no host name"),
        ("redis://u:hush@h?db=1&db=1", "option db twice"),
        ("redis://u:hush@h/1?db=4", "two databases"),
        ("redis://u:hu%sh@h", "a % that is followed by no two hexadecimal digits"),
        ("redis://u:hush@h?client_name=%2", "option client_name: a %"),
        ("redis://u:hush@h?client_name=me@evil", "write it as %40"),
        ("redis://u:hush@h?close_on_err=2", "option close_on_err"),
        ("redis://u:hush@h?pool_size=many", "option pool_size: 'many' is not a number"),
        ("redis://u:hush@h:port", "the port is not a number"),
        ("redis://u:hush@h:0", "port 0"),
        ("redis://u:hush@h:65536", "port 65536"),
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
    assert masked("unix:///run/a:b") == "unix:///run/a:b"
    assert masked("redis://h:hush/0") == "redis://h:***/0"
    assert masked("redis://h?db=1&password=hush") == "redis://h?db=1&password=***"
    assert masked("redis://u:hu://sh@h") == "redis://u:***@h"
    assert masked("u:hush@h") == "u:***@h"


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


def test_the_password_of_a_url_is_not_given_to_another_user() -> None:
    assert get_by_url("redis://ada:one@h", username="bob").password is None
    assert get_by_url("redis://ada:one@h", username="ada").password == "one"
    assert get_by_url("redis://:one@h", username="bob").password == "one"


def test_a_pool_by_url_is_for_asyncio_only() -> None:
    with pytest.raises(ValueError, match="asyncio only"):
        get_by_url("redis://h", async_client=False)


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
