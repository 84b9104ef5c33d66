"""TLS at the command line: the flags and the URL, what is said when nobody can be trusted, and the passphrase."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.program import PROGRAM, ran
from tests.repl.conftest import ask
from tests.servers import Server, free_port
from tests.terminal import Terminal
from tests.tls import Authority, Identity, server_context


@dataclass(frozen=True, slots=True)
class Vault:
    """A real server that speaks TLS, and plain on another port; for ``localhost`` and the addresses of that."""

    server: Server
    port: int
    authority: Authority
    client: Identity

    @property
    def trusted(self) -> tuple[str, ...]:
        """The flags that lead there."""
        return (*self.there, "--tls", "--cacert", self.authority.ca_file)

    @property
    def there(self) -> tuple[str, ...]:
        return ("-h", "localhost", "-p", str(self.port))

    def show(self, identity: Identity) -> None:
        """Have the server show another certificate, until it is asked for again."""
        self.server.command(
            *("CONFIG", "SET", "tls-cert-file", identity.cert_file, "tls-key-file", identity.key_file)
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("tls") / "stranger")


@pytest.fixture(scope="module")
def made(authority: Authority, shared_server: Callable[..., Server]) -> Vault:
    identity, port = authority.sign(), free_port()
    server = shared_server(
        "redis70",
        f"tls-port {port}",
        f"tls-cert-file {identity.cert_file}",
        f"tls-key-file {identity.key_file}",
        f"tls-ca-cert-file {authority.ca_file}",
        "tls-auth-clients optional",
    )
    return Vault(server, port, authority, authority.sign("ada"))


@pytest.fixture
def vault(made: Vault) -> Iterator[Vault]:
    made.server.reset()
    yield made
    made.server.reset()


# Ways in


def test_one_command_goes_over_tls_by_flags_and_by_url(vault: Vault) -> None:
    ca, url = vault.authority.ca_file, f"rediss://localhost:{vault.port}"
    for args in (
        vault.trusted,
        (*vault.there, "--tls", "--cacertdir", vault.authority.ca_folder),
        ("-u", f"{url}?cacert={ca}"),
        (url, "--cacert", ca),
        (url, "--insecure"),
        (f"{url}?ssl_cert_reqs=none",),
        (f"redis://localhost:{vault.port}", "--tls", "--cacert", ca),
        (*vault.trusted, "--tls-ciphers", "ECDHE+AESGCM", "-3", "--name", "ada"),
        (*vault.trusted, "--sni", "other.example", "--no-verify-hostname"),
    ):
        told = ran(*args, "PING")
        assert (told.code, told.stdout, told.stderr) == (0, b"PONG\n", b""), args


def test_a_url_of_the_environment_leads_over_tls(vault: Vault) -> None:
    url = f"rediss://localhost:{vault.port}/3?cacert={vault.authority.ca_file}"
    told = ran("CLIENT", "INFO", env={"REDIS_URL": url})
    assert (told.code, told.stderr) == (0, b"")
    assert b" db=3 " in told.stdout


def test_a_script_goes_over_tls_on_one_connection(vault: Vault) -> None:
    before = int(vault.server.info("stats")["total_connections_received"])
    told = ran(*vault.trusted, stdin=b"SET big %b\nSTRLEN big\nGET nil\n" % (b"x" * 100_000))
    assert (told.code, told.stdout, told.stderr) == (0, b"OK\n100000\n\n", b"")
    assert int(vault.server.info("stats")["total_connections_received"]) == before + 1


def test_tools_go_over_tls(vault: Vault, tmp_path: Path) -> None:
    vault.server.command("SET", "k", "v")
    script = tmp_path / "get.lua"
    script.write_text("return redis.call('GET', KEYS[1])")
    for args, stdin, replies in (
        (("find", "k*"), b"", b"k\n"),
        (("--scan",), b"", b"k\n"),
        (("--eval", str(script), "k"), b"", b"v\n"),
        (("--ping",), b"", b"PONG\n"),
        (("pipe",), b"SET k w\r\n", b""),
        (("rdb", "-"), b"", b"REDIS"),
    ):
        told = ran(*vault.trusted, *args, stdin=stdin)
        assert told.code == 0, (args, told.said)
        assert told.stdout.startswith(replies), args
    assert vault.server.command("GET", "k") == b"w"
    told = ran(*vault.there, "--tls", "find")
    assert told.code == 3
    assert "give the certificate of its authority as --cacert" in told.said


def test_a_person_talks_over_tls(vault: Vault, terminal: Callable[..., Terminal]) -> None:
    screen = terminal([*PROGRAM, *vault.trusted, "--name", "ada"], columns=120)
    screen.wait_until(lambda screen: screen.line.endswith(">"), what="the first prompt")
    assert screen.line == f"localhost:{vault.port}>"
    assert '"ada"' in ask(screen, "CLIENT GETNAME")
    vault.server.command("CLIENT", "KILL", "TYPE", "normal")
    assert "PONG" in ask(screen, "PING")  # over a new connection
    screen.send_line("quit")
    assert screen.exit_code() == 0


def test_a_client_certificate_is_shown_when_it_is_asked_for(vault: Vault) -> None:
    vault.server.command("CONFIG", "SET", "tls-auth-clients", "yes")
    ada = vault.client
    for shown in (("--cert", ada.cert_file, "--key", ada.key_file), ("--cert", ada.in_one_file())):
        assert ran(*vault.trusted, *shown, "PING").stdout == b"PONG\n"
    for missing in (ran(*vault.trusted, "PING"), ran(*vault.trusted, stdin=b"PING\n")):
        assert missing.code == 3
        # Its alert may be lost behind the end of the connection.
        mend = r"(; give --cert and --key| \(--cert\)\?)"
        assert re.search(
            f"a client certificate{mend}(; (stopped here, )?no later line was sent)?\n", missing.said
        )
        assert missing.said.count("\n") == 1


def test_certificates_and_keys_come_through_pipes_too(vault: Vault) -> None:
    vault.server.command("CONFIG", "SET", "tls-auth-clients", "yes")
    flags = {
        "--cacert": vault.authority.ca_file,
        "--cert": vault.client.cert_file,
        "--key": vault.client.key_file,
    }
    piped = " ".join(f"{flag} <(cat {path})" for flag, path in flags.items())
    words = " ".join([*PROGRAM, *vault.there, "--tls", piped])
    done = subprocess.run(["bash", "-c", f"{words} PING"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"PONG\n", b"")


def test_a_key_may_belong_to_the_certificate_of_the_url(vault: Vault) -> None:
    vault.server.command("CONFIG", "SET", "tls-auth-clients", "yes")
    url = f"rediss://localhost:{vault.port}?cacert={vault.authority.ca_file}&cert={vault.client.cert_file}"
    told = ran(url, "--key", vault.client.key_file, "PING")
    assert (told.code, told.stdout, told.stderr) == (0, b"PONG\n", b"")
    told = ran(*vault.trusted, "--key", vault.client.key_file, "PING")
    assert (told.code, told.said) == (2, "--key is shown with its certificate; give that with --cert\n")


# The passphrase of a key


def test_a_person_is_asked_for_the_passphrase_of_a_key(
    vault: Vault, terminal: Callable[..., Terminal]
) -> None:
    vault.server.command("CONFIG", "SET", "tls-auth-clients", "yes")
    locked = vault.client.encrypted("open sesame")
    argv = [*PROGRAM, *vault.trusted, "--cert", locked.cert_file, "--key", locked.key_file, "PING"]
    for phrase, says, code in (
        ("open sesame", "PONG", 0),
        ("sesame", f"--key '{locked.key_file}' is not opened by the passphrase", 2),
    ):
        screen = terminal(argv, columns=300)
        screen.wait_for(f"Passphrase of {locked.key_file}: ")
        screen.send_line(phrase)
        screen.wait_for(says)
        assert screen.exit_code() == code
        assert "sesame" not in screen.text


def test_without_a_terminal_an_encrypted_key_is_refused_at_once(vault: Vault) -> None:
    locked = vault.client.encrypted("open sesame")
    told = ran(*vault.trusted, "--cert", locked.cert_file, "--key", locked.key_file, "PING")
    assert told.code == 2
    assert told.said == (
        f"the key in '{locked.key_file}' is encrypted, and without a terminal nobody can be asked for its "
        "passphrase; openssl pkey decrypts it\n"
    )


# Whom nobody trusts


def test_a_certificate_that_is_refused_says_which_and_the_mend(vault: Vault, stranger: Authority) -> None:
    signs, described = vault.authority.sign, r"certificate \(O=trustme [^)]*\)"
    for identity, says in (
        (
            stranger.sign(),
            rf"{described} is signed by no authority that is trusted here; "
            "give the certificate of its authority as --cacert$",
        ),
        (stranger.itself, rf"{described} is signed by itself and not trusted here; give it as --cacert$"),
        (
            signs("localhost", expired=True),
            rf"{described} has expired on 2001-01-01 00:00:00 UTC; have it renewed, or check the clock",
        ),
        (
            signs("localhost", early=True),
            rf"{described} is not valid before 2999-01-01 00:00:00 UTC; have it",
        ),
        (
            signs("db.example"),
            rf"{described} is not for 'localhost' but for db.example; connect by a name that it is for, "
            "or give that name as --sni; --no-verify-hostname takes any name$",
        ),
    ):
        vault.show(identity)
        by_blocking, by_asyncio = ran(*vault.trusted, "PING"), ran(*vault.trusted, stdin=b"PING\n")
        assert by_blocking.code == by_asyncio.code == 3
        assert by_asyncio.said.endswith(by_blocking.said)
        assert by_blocking.said.startswith(
            f"cannot connect to localhost:{vault.port}: the server's certificate"
        )
        assert re.search(says, by_blocking.said.removesuffix("\n")), by_blocking.said


def test_the_system_does_not_vouch_for_a_private_authority(vault: Vault) -> None:
    told = ran(*vault.there, "--tls", "PING")
    assert told.code == 3
    assert "signed by no authority that is trusted here" in told.said


def test_sentinels_that_nobody_trusts_are_told_in_the_same_words(vault: Vault) -> None:
    told = ran(f"rediss+sentinel://localhost:{vault.port}/mymaster", "PING")
    assert told.code == 3
    assert told.said.endswith("give the certificate of its authority as --cacert)\n")


def test_a_host_of_another_name_is_spoken_to_when_its_name_is_given(vault: Vault) -> None:
    vault.show(vault.authority.sign("db.example"))
    for mend in (("--sni", "db.example"), ("--no-verify-hostname",), ("--insecure",)):
        assert ran(*vault.trusted, *mend, "PING").stdout == b"PONG\n"


# TLS on one side


def test_who_speaks_plainly_to_a_port_for_tls_is_told_of_it(vault: Vault) -> None:
    for args, stdin in ((("PING",), b""), (("-n", "1", "PING"), b""), ((), b"PING\n")):
        told = ran(*vault.there, *args, stdin=stdin)
        assert told.code == 3
        assert told.stdout == b""
        assert "is that a Redis or Valkey server, and does it want --tls or rediss://?" in told.said
        assert told.said.count("\n") == 1


def test_who_speaks_tls_to_a_plain_port_is_told_of_it(vault: Vault) -> None:
    told = ran("-p", str(vault.server.port), "--tls", "--insecure", "-t", "0.3", "PING")
    assert told.code == 3
    assert told.said == (
        f"no answer from 127.0.0.1:{vault.server.port} over TLS within 0.3 seconds; "
        "does it speak TLS on this port?\n"
    )


@pytest.fixture
def pong(authority: Authority, tmp_path: Path) -> Iterator[str]:
    """Return the path of a unix socket where whatever is said over TLS is answered with PONG."""
    context = server_context(authority.sign())

    def serve() -> None:
        with suppress(OSError):
            while True:
                with context.wrap_socket(listener.accept()[0], server_side=True) as sock:
                    while sock.recv(1000):
                        sock.sendall(b"+PONG\r\n")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        serving = threading.Thread(target=serve)
        serving.start()
        yield str(tmp_path / "s")
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


def test_tls_goes_over_a_unix_socket_too(vault: Vault, pong: str) -> None:
    trusted = ("-s", pong, "--tls", "--cacert", vault.authority.ca_file)
    for mend in (("--sni", "localhost"), ("--no-verify-hostname",), ("--insecure",)):
        for args, stdin in ((("PING",), b""), ((), b"PING\n")):
            told = ran(*trusted, *mend, *args, stdin=stdin)
            assert (told.code, told.stdout, told.stderr) == (0, b"PONG\n", b"")


def test_tls_over_a_unix_socket_needs_a_name(tmp_path: Path) -> None:
    told = ran("-s", str(tmp_path / "s"), "--tls", "PING")
    assert told.code == 2
    assert "has no host name to verify; give --sni, or --insecure" in told.said


# What cannot be meant


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["--cacert", "/nosuch"],
            "--cacert is about TLS; give --tls, too, or a URL that begins with rediss://",
        ),
        (["--tls", "--cacert", "/nosuch"], "--cacert '/nosuch' cannot be read: no such file or directory"),
        (["--tls", "--cacertdir", "/nosuch"], "--cacertdir '/nosuch' cannot be read: no such file"),
        (["--tls", "--cert", "/nosuch"], "--cert '/nosuch' cannot be read: no such file"),
        (["--tls", "--cacert", __file__], f"--cacert '{__file__}' holds no certificate in PEM form"),
        (["--tls", "--tls-ciphers", "none-such"], "--tls-ciphers 'none-such' holds none that OpenSSL knows"),
    ],
)
def test_a_flag_of_tls_that_cannot_be_meant_is_a_usage_error(args: list[str], says: str) -> None:
    told = ran(*args, "PING")
    assert told.code == 2
    assert told.said.startswith(says)
    assert told.said.count("\n") == 1
