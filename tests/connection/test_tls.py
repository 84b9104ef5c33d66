"""TLS: who is trusted, what is shown, what is said when it fails, and that nothing is said too early."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pyredis import AsyncPool, PyRedisConnClosed, PyRedisConnError, PyRedisTlsError, UnixAddress
from pyredis.connection import tls
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls
from pyredis.pool.by_url import get_by_url
from tests.conftest import MakeServer
from tests.hostile import Hear, Hostile, Say, Stall
from tests.program import ran
from tests.proxy import REPLIES, Proxy
from tests.servers import Server, free_port, until
from tests.tls import Authority, Identity, TlsProxy, server_context

SpeakTls: TypeAlias = Callable[..., Any]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Return an authority that nobody trusts."""
    return Authority(tmp_path / "stranger")


@pytest.fixture
async def speak_tls(redis82: Server, authority: Authority) -> AsyncIterator[SpeakTls]:
    """Return ``await speak_tls(identity)``: a proxy that speaks TLS before a server."""
    async with AsyncExitStack() as stack:

        async def make(identity: Identity | None = None, clients_of: Authority | None = None) -> TlsProxy:
            context = server_context(identity or authority.sign(), clients_of)
            return await stack.enter_async_context(TlsProxy((redis82.host, redis82.port), context))

        yield make


async def refusal(port: int, options: TlsOptions, host: str = "localhost", **others: Any) -> str:
    """Return what a pool says that cannot connect."""
    async with AsyncPool(host, port, tls=options, **others) as pool:
        with pytest.raises(PyRedisConnError) as caught:
            await pool.execute("PING")
    assert caught.value.sent is False
    assert caught.value.address is not None
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Who is trusted


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_server_with_a_good_certificate_is_talked_to(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority, host: str
) -> None:
    proxy = await speak_tls()
    async with AsyncPool(host, proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
        await pool.execute("SET", "name", "ada")
        assert await pool.execute("GET", "name") == b"ada"
    assert b"GET" in proxy.requests


async def test_an_authority_is_found_in_its_folder(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls()
    async with AsyncPool("localhost", proxy.port, tls=TlsOptions(ca_folder=authority.ca_folder)) as pool:
        assert await pool.execute("PING") == b"PONG"


@pytest.mark.parametrize("trusted", ["stranger", "system"])
async def test_a_server_that_nobody_vouches_for_hears_nothing(
    no_leaks: None, speak_tls: SpeakTls, stranger: Authority, trusted: str
) -> None:
    proxy = await speak_tls()
    options = TlsOptions(ca_file=stranger.ca_file) if trusted == "stranger" else TlsOptions()

    told = await refusal(proxy.port, options, password="hush", username="ada")

    assert "signed by no authority that is trusted here; give the certificate" in told
    await until(lambda: proxy.open == 0)
    assert proxy.requests == b""


async def test_a_server_of_another_name_hears_nothing(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority
) -> None:
    proxy = await speak_tls(authority.sign("db.example"))

    told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file), password="hush")

    assert "is not for 'localhost' but for db.example; connect by a name" in told
    assert "give that name as server_name; verify_hostname=False takes any name" in told
    await until(lambda: proxy.open == 0)
    assert proxy.requests == b""


async def test_a_server_of_another_address_is_refused(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls(authority.sign("localhost"))
    told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file), host="127.0.0.1")
    assert "is not for '127.0.0.1' but for localhost;" in told


async def test_an_expired_certificate_is_refused(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls(authority.sign("localhost", expired=True))
    told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file))
    assert re.search(
        r"certificate \(O=trustme .*, signed by O=trustme .*\) has expired on 2001-01-01 00:00:00 UTC; "
        "have it renewed, or check the clock",
        told,
    )


async def test_a_certificate_that_is_not_valid_yet_is_refused(
    speak_tls: SpeakTls, authority: Authority
) -> None:
    proxy = await speak_tls(authority.sign("localhost", early=True))
    told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file))
    assert ") is not valid before 2999-01-01 00:00:00 UTC; have it renewed, or check the clock" in told


async def test_a_certificate_that_signed_itself_is_told_apart(
    speak_tls: SpeakTls, authority: Authority, stranger: Authority
) -> None:
    proxy = await speak_tls(stranger.itself)
    told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file))
    assert re.search(
        r"certificate \(O=trustme [^)]*\) is signed by itself and not trusted here; give it as ca_file", told
    )
    options = TlsOptions(ca_file=stranger.ca_file, verify_hostname=False)
    async with AsyncPool("localhost", proxy.port, tls=options) as pool:
        assert await pool.execute("PING") == b"PONG"


async def test_what_is_wrong_can_be_told_with_other_names_for_the_options(
    speak_tls: SpeakTls, stranger: Authority
) -> None:
    proxy = await speak_tls()
    async with AsyncPool("localhost", proxy.port, tls=TlsOptions(ca_file=stranger.ca_file)) as pool:
        with pytest.raises(PyRedisTlsError) as caught:
            await pool.execute("PING")
    assert str(caught.value).endswith("of its authority as ca_file")
    assert caught.value.told({"ca_file": "--cacert"}) == str(caught.value).replace("ca_file", "--cacert")


async def test_any_name_will_do_when_names_are_not_verified(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority, stranger: Authority
) -> None:
    proxy = await speak_tls(authority.sign("db.example"))
    for host in ("localhost", "127.0.0.1"):
        options = TlsOptions(ca_file=authority.ca_file, verify_hostname=False)
        async with AsyncPool(host, proxy.port, tls=options) as pool:
            assert await pool.execute("PING") == b"PONG"
    told = await refusal(proxy.port, TlsOptions(ca_file=stranger.ca_file, verify_hostname=False))
    assert "signed by no authority that is trusted here" in told


async def test_the_ciphers_can_be_chosen(redis82: Server, authority: Authority) -> None:
    context = server_context(authority.sign())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    async with TlsProxy((redis82.host, redis82.port), context) as proxy:
        options = TlsOptions(authority.ca_file, ciphers="ECDHE+AESGCM")
        async with AsyncPool("localhost", proxy.port, tls=options) as pool:
            assert await pool.execute("PING") == b"PONG"
        told = await refusal(proxy.port, TlsOptions(authority.ca_file, ciphers="ECDHE+CHACHA20"))
    assert "localhost" in told  # the two have no cipher in common


@pytest.mark.skipif(hasattr(ssl.SSLContext, "set_ciphersuites"), reason="this Python can choose ciphersuites")
async def test_ciphersuites_that_this_python_cannot_choose_are_refused_with_the_mend() -> None:
    told = await refusal(1, TlsOptions(ciphersuites="TLS_AES_128_GCM_SHA256"))
    assert re.search(r"ciphersuites cannot be chosen .*name that in OPENSSL_CONF", told)


async def test_ciphers_that_there_are_none_of_are_refused() -> None:
    told = await refusal(1, TlsOptions(ciphers="none-such"))
    assert told == "ciphers 'none-such' holds none that OpenSSL knows; see openssl ciphers"


async def test_the_name_to_verify_can_be_given(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls(authority.sign("db.example"))
    options = TlsOptions(ca_file=authority.ca_file, server_name="db.example")
    async with AsyncPool("127.0.0.1", proxy.port, tls=options) as pool:
        assert await pool.execute("PING") == b"PONG"
    assert proxy.asked == ["db.example"]


async def test_the_server_is_asked_for_by_its_host_name(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls()
    for host in ("localhost", "127.0.0.1"):
        async with AsyncPool(host, proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
            await pool.execute("PING")
    assert proxy.asked == ["localhost", None]  # an address is no name


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_verification_can_be_turned_off(speak_tls: SpeakTls, stranger: Authority, host: str) -> None:
    proxy = await speak_tls(stranger.sign("db.example", expired=True))
    async with AsyncPool(host, proxy.port, tls=TlsOptions(verify=False)) as pool:
        assert await pool.execute("PING") == b"PONG"


def test_only_new_versions_of_tls_are_spoken_and_everything_is_verified() -> None:
    made = tls.context(TlsOptions())
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert made.check_hostname
    assert made.verify_mode is ssl.CERT_REQUIRED


# What is shown


async def test_a_client_certificate_is_shown_to_a_server_that_asks(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority
) -> None:
    proxy = await speak_tls(clients_of=authority)
    ada = authority.sign("ada")
    for files in ((ada.cert_file, ada.key_file), (ada.in_one_file(), None)):
        options = TlsOptions(ca_file=authority.ca_file, cert_file=files[0], key_file=files[1])
        async with AsyncPool("localhost", proxy.port, tls=options) as pool:
            assert await pool.execute("PING") == b"PONG"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_missing_client_certificate_is_told_when_connecting(
    no_leaks: None, redis82: Server, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = server_context(authority.sign(), clients_of=authority)
    context.maximum_version = version
    async with TlsProxy((redis82.host, redis82.port), context) as proxy:
        told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file))
    assert "client certificate" in told
    assert proxy.requests == b""


async def test_a_client_certificate_that_the_server_does_not_trust_is_named(
    speak_tls: SpeakTls, authority: Authority, stranger: Authority
) -> None:
    proxy = await speak_tls(clients_of=authority)
    eve = stranger.sign("eve")
    told = await refusal(proxy.port, TlsOptions(authority.ca_file, None, eve.cert_file, eve.key_file))
    assert "client certificate" in told


async def test_the_password_opens_the_key(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls(clients_of=authority)
    ada = authority.sign("ada").encrypted("open sesame")
    for password in ("open sesame", b"open sesame"):
        options = TlsOptions(authority.ca_file, None, ada.cert_file, ada.key_file, password)
        assert "sesame" not in repr(options)
        async with AsyncPool("localhost", proxy.port, tls=options) as pool:
            assert await pool.execute("PING") == b"PONG"


@pytest.mark.parametrize(
    ("password", "says"),
    [(None, "holds an encrypted key; give key_password"), ("hush", "is not opened by key_password")],
)
async def test_a_key_that_does_not_open_is_told_without_its_password(
    authority: Authority, password: str | None, says: str
) -> None:
    ada = authority.sign("ada").encrypted("open sesame")
    told = await refusal(1, TlsOptions(None, None, ada.cert_file, ada.key_file, password))
    assert told == f"key_file {ada.key_file!r} {says}"


# Files that are none


@pytest.fixture
def letter(tmp_path: Path) -> str:
    """Return the path of a file that is nothing to OpenSSL."""
    (tmp_path / "letter").write_text("Dear Ada\n")
    return str(tmp_path / "letter")


async def test_files_of_the_wrong_kind_are_named(authority: Authority, tmp_path: Path, letter: str) -> None:
    ada, bob = authority.sign("ada"), authority.sign("bob")
    absent = str(tmp_path / "absent")
    unreadable = "cannot be read: no such file or directory; check the path and its permissions"
    for options, says in (
        (TlsOptions(ca_file=absent), f"ca_file {absent!r} {unreadable}"),
        (TlsOptions(ca_folder=absent), f"ca_folder {absent!r} {unreadable}"),
        (TlsOptions(cert_file=absent), f"cert_file {absent!r} {unreadable}"),
        (TlsOptions(cert_file=ada.cert_file, key_file=absent), f"key_file {absent!r} {unreadable}"),
        (TlsOptions(ca_file=letter), f"ca_file {letter!r} holds no certificate in PEM form"),
        (TlsOptions(ca_folder=letter), f"ca_folder {letter!r} cannot be read: not a directory"),
        (
            TlsOptions(ca_folder=str(tmp_path)),
            "holds no certificate under its hashed name; run openssl rehash",
        ),
        (TlsOptions(cert_file=letter), f"cert_file {letter!r} holds no certificate in PEM form"),
        (
            TlsOptions(cert_file=ada.cert_file),
            f"cert_file {ada.cert_file!r} holds no private key in PEM form",
        ),
        (TlsOptions(cert_file=ada.cert_file, key_file=letter), f"key_file {letter!r} holds no private key"),
        (
            TlsOptions(cert_file=ada.cert_file, key_file=bob.key_file),
            f"key_file {bob.key_file!r} holds another key than that of the certificate in {ada.cert_file!r}",
        ),
        (TlsOptions(ca_file=str(tmp_path)), f"ca_file {str(tmp_path)!r}"),
        (TlsOptions(cert_file=str(tmp_path)), f"cert_file {str(tmp_path)!r}"),
    ):
        assert says in await refusal(1, options)


def test_files_are_read_once_and_again_when_they_change(authority: Authority, stranger: Authority) -> None:
    options = TlsOptions(ca_file=authority.ca_file)
    first = tls.context(options)
    assert tls.context(TlsOptions(ca_file=authority.ca_file)) is first

    Path(authority.ca_file).write_bytes(Path(stranger.ca_file).read_bytes() + b"\n")

    assert tls.context(options) is not first


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ca_file": ""}, "ca_file is empty"),
        ({"ca_file": "a\0b"}, "ca_file is no name"),
        ({"server_name": "a..b"}, "server_name 'a..b' is no host name"),
        ({"key_file": "/k"}, "key_file without cert_file"),
        ({"key_password": "hush"}, "key_password without cert_file"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        TlsOptions(**options)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"ca_file": 1}, {"verify": None}, {"verify_hostname": 0}, {"ciphers": 1}, {"key_password": 1}]
)
def test_options_of_the_wrong_type_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must be"):
        TlsOptions(**options)


def test_true_stands_for_tls_as_it_should_be() -> None:
    given = TlsOptions(verify=False)
    assert checked_tls(True) == TlsOptions()
    assert checked_tls(False) is checked_tls(None) is None
    assert checked_tls(given) is given
    with pytest.raises(TypeError, match="tls must be TlsOptions"):
        checked_tls("yes")  # type: ignore[arg-type]  # what a caller may do
    with pytest.raises(TypeError, match="tls must be TlsOptions"):
        ConnectionOptions(tls=True)  # type: ignore[arg-type]


async def test_over_a_unix_socket_the_name_must_be_given(tmp_path: Path, redis82: Server) -> None:
    async with AsyncPool(unix_sock=redis82.unix_path, tls=True) as pool:
        with pytest.raises(
            PyRedisConnError, match="no host name to verify; give server_name, or verify=False"
        ):
            await pool.execute("PING")
    assert tls.server_name(UnixAddress("/s"), TlsOptions(server_name="db.example")) == "db.example"
    assert tls.server_name(UnixAddress("/s"), TlsOptions(verify=False)) == ""


# Servers that do not speak it, or not to the end


async def test_a_server_without_tls_is_told_apart(no_leaks: None) -> None:
    async with Hostile([Say(b"-ERR unknown command\r\n"), Stall()]) as server:
        told = await refusal(server.port, TlsOptions(verify=False), host=server.host)
    assert "does not speak TLS on this port; connect without TLS" in told


async def test_a_real_server_without_tls_is_told_apart(no_leaks: None, redis82: Server) -> None:
    told = await refusal(redis82.port, TlsOptions(verify=False), host=redis82.host, conn_timeout=0.2)
    assert re.search("speak TLS on this port", told)


async def test_a_handshake_that_stalls_ends_with_conn_timeout(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority
) -> None:
    async with Proxy((await speak_tls()).address) as proxy:
        proxy.stall(REPLIES)
        told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file), conn_timeout=0.1)
        assert "over TLS within 0.1 seconds; does it speak TLS on this port?" in told
        await until(lambda: proxy.open == 0)


async def test_a_server_that_is_silent_after_the_handshake_was_sent_no_command(
    no_leaks: None, authority: Authority
) -> None:
    options = TlsOptions(ca_file=authority.ca_file)
    async with (
        Hostile([Hear(b"PING"), Stall()]) as server,
        TlsProxy((server.host, server.port), server_context(authority.sign())) as proxy,
    ):
        told = await refusal(proxy.port, options, read_timeout=0.05)
    assert "over TLS within 0.05 seconds" in told


async def test_a_handshake_that_is_cut_is_told(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority
) -> None:
    async with Proxy((await speak_tls()).address) as proxy:
        proxy.drop_after(100, REPLIES)
        told = await refusal(proxy.port, TlsOptions(ca_file=authority.ca_file))
    assert "closed the connection during the TLS handshake" in told


async def test_a_handshake_cancelled_at_any_moment_leaks_no_socket(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority
) -> None:
    proxy = await speak_tls()
    async with AsyncPool("127.0.0.1", proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
        for turns in range(40):
            asking = asyncio.create_task(pool.execute("PING"))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert await pool.execute("PING") == b"PONG"
        await until(lambda: proxy.open <= 1, what="nobody else is connected")


async def test_a_stalled_handshake_cancelled_at_any_moment_leaks_no_socket(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority
) -> None:
    async with Proxy((await speak_tls()).address) as proxy:
        proxy.stall(REPLIES)
        async with AsyncPool("127.0.0.1", proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
            for turns in range(20):
                asking = asyncio.create_task(pool.execute("PING"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            await until(lambda: proxy.accepted > 1 and proxy.open == 0)


# Life over TLS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_connection_is_used_again(
    redis82: Server, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = server_context(authority.sign())
    context.maximum_version = version
    async with (
        TlsProxy((redis82.host, redis82.port), context) as proxy,
        AsyncPool("localhost", proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool,
    ):
        for _ in range(
            3
        ):  # the first time without a word: what a server says after the handshake is no reply
            client = await pool.acquire()
            await pool.release(client)
        for _ in range(3):
            client = await pool.acquire()
            assert await client.execute("PING") == b"PONG"
            await pool.release(client)
        assert proxy.accepted == 1


async def test_an_idle_connection_that_the_server_closed_is_replaced(
    redis82: Server, speak_tls: SpeakTls, authority: Authority
) -> None:
    proxy = await speak_tls()
    async with AsyncPool("localhost", proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
        await pool.execute("PING")
        redis82.command("CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: proxy.open == 0)
        assert await pool.execute("INCR", "n") == 1
        assert proxy.accepted == 2


async def test_a_server_that_wants_a_password_is_told_apart_over_tls(
    make_server: MakeServer, authority: Authority
) -> None:
    server = make_server("redis82", "requirepass hush")
    context = server_context(authority.sign())
    options = TlsOptions(ca_file=authority.ca_file)
    async with TlsProxy((server.host, server.port), context) as proxy:
        async with AsyncPool("localhost", proxy.port, tls=options, password="hush", database=3) as pool:
            assert await pool.execute("PING") == b"PONG"
        async with AsyncPool("localhost", proxy.port, tls=options) as pool:
            with pytest.raises(Exception, match="NOAUTH"):
                await pool.execute("PING")


async def test_large_values_pass(speak_tls: SpeakTls, authority: Authority) -> None:
    value = bytes(range(256)) * 4096
    proxy = await speak_tls()
    async with AsyncPool("localhost", proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
        await pool.execute("SET", "big", value)
        got = await asyncio.gather(*(pool.execute("GET", "big") for _ in range(4)))
    assert all(reply == value for reply in got)


@pytest.mark.parametrize("size", [20_000, 20_003, 300_000])
async def test_a_cut_inside_a_record_never_gives_half_a_value(
    no_leaks: None, speak_tls: SpeakTls, authority: Authority, size: int
) -> None:
    async with (
        Proxy((await speak_tls()).address) as proxy,
        AsyncPool("localhost", proxy.port, tls=TlsOptions(ca_file=authority.ca_file)) as pool,
    ):
        await pool.execute("SET", "big", b"x" * 1_000_000)
        client = await pool.acquire()
        proxy.drop_after(size, REPLIES)
        with pytest.raises(PyRedisConnClosed):
            await client.execute("GET", "big")
        await pool.release(client)
        assert await pool.execute("STRLEN", "big") == 1_000_000


# By URL, and at the terminal


async def test_a_url_leads_through_tls(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls(authority.sign("db.example"), clients_of=authority)
    ada = authority.sign("ada")
    files = f"cacert={authority.ca_file}&cert={ada.cert_file}&key={ada.key_file}"
    async with get_by_url(f"valkeys://127.0.0.1:{proxy.port}/1?{files}&sni=db.example") as pool:
        assert await pool.execute("PING") == b"PONG"
    async with get_by_url(f"rediss://127.0.0.1:{proxy.port}?insecure=yes&cert={ada.in_one_file()}") as pool:
        assert await pool.execute("PING") == b"PONG"


async def test_the_terminal_client_takes_a_url_with_tls(speak_tls: SpeakTls, authority: Authority) -> None:
    proxy = await speak_tls()
    url = f"rediss://localhost:{proxy.port}"

    greeted = await asyncio.to_thread(ran, "-u", f"{url}?cacert={authority.ca_file}", "PING")
    refused = await asyncio.to_thread(ran, "-u", url, "PING")

    assert (greeted.code, greeted.stdout) == (0, b"PONG\n")
    assert refused.code == 3
    assert "signed by no authority that is trusted here" in refused.said


# A server that speaks it by itself


@pytest.fixture
def redis70_tls(make_server: MakeServer, authority: Authority) -> tuple[Server, int]:
    identity, port = authority.sign(), free_port()
    server = make_server(
        "redis70",
        f"tls-port {port}",
        f"tls-cert-file {identity.cert_file}",
        f"tls-key-file {identity.key_file}",
        f"tls-ca-cert-file {authority.ca_file}",
        "tls-auth-clients yes",
    )
    return server, port


async def test_a_server_that_speaks_tls_itself(
    no_leaks: None, redis70_tls: tuple[Server, int], authority: Authority
) -> None:
    _, port = redis70_tls
    ada = authority.sign("ada")
    options = TlsOptions(authority.ca_file, None, ada.cert_file, ada.key_file)
    async with AsyncPool("localhost", port, tls=options) as pool:
        await pool.execute("SET", "big", b"x" * 1_000_000)
        assert await pool.execute("STRLEN", "big") == 1_000_000
    assert "client certificate" in await refusal(port, TlsOptions(ca_file=authority.ca_file))


async def test_what_a_server_says_after_the_handshake_does_not_spoil_a_connection(
    redis70_tls: tuple[Server, int], authority: Authority
) -> None:
    server, port = redis70_tls
    ada = authority.sign("ada")
    async with AsyncPool(
        "localhost", port, tls=TlsOptions(authority.ca_file, None, ada.cert_file, ada.key_file)
    ) as pool:
        for _ in range(3):
            client = await pool.acquire()
            for _ in range(2):  # by then its tickets have come, while this loop stood still
                server.command("PING")
            await pool.release(client)
        assert server.info("stats")["total_connections_received"] == "2"  # the bench has one, too


async def test_a_plain_client_at_the_port_for_tls_is_told_something(
    no_leaks: None, redis70_tls: tuple[Server, int]
) -> None:
    async with AsyncPool("localhost", redis70_tls[1], database=1) as pool:
        with pytest.raises(PyRedisConnError, match="Valkey server, and does it want TLS"):
            await pool.execute("PING")
