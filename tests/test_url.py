"""What a URL says, and what it is told when it says nothing sensible."""

from __future__ import annotations

import pytest

from pyredis import PyRedisURLError, TcpAddress, UnixAddress
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
        ("redis://h?db=4", Target(TcpAddress("h"), 4)),
        ("redis://h/1?db=4", Target(TcpAddress("h"), 1)),
        (
            "redis://h?encoding=latin-1&read_timeout=0&conn_timeout=1.5&protocol=3",
            Target(
                TcpAddress("h"),
                options={"encoding": "latin-1", "read_timeout": None, "conn_timeout": 1.5, "protocol": 3},
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
        ("rediss://u:hush@h", "TLS"),
        ("redis://u:hush@h:port", "port 'port' is not a number"),
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
    assert masked("redis://h?db=1&password=hush") == "redis://h?db=1&password=***"
    assert masked("redis://u:hu://sh@h") == "redis://u:***@h"
    assert masked("u:hush@h") == "u:***@h"


def test_repr_of_a_target_hides_the_password() -> None:
    assert "hush" not in repr(parse("redis://u:hush@h"))
