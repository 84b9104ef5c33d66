"""What the views of INFO, CLIENT LIST, CONFIG GET and their like tell somebody beside the numbers."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import Table
from pyredis.types import Map, Reply
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import present
from pyredis_cli.render.views.config import meant
from pyredis_cli.render.views.meanings import meaning

TABLE = Table()
NOW = 1_795_720_000


def seen(command: str, reply: Reply, width: int = 100, encoding: str = "utf-8") -> str:
    argv = [word.encode() for word in command.split()]
    look = Look(width, encoding, now=float(NOW))
    return b"".join(part for part, _ in present(argv, TABLE.find(argv), reply, look).parts).decode()


def info(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


# -- INFO


def test_info_begins_with_what_is_wrong() -> None:
    lines = seen("INFO", info("# Persistence", "loading:0", "rdb_last_bgsave_status:err")).splitlines()
    assert lines[:2] == ["Warnings", "  rdb_last_bgsave_status  err  the last snapshot failed"]
    assert "rdb_last_bgsave_status  err  the last snapshot failed" in lines[3:]


def test_info_of_a_healthy_server_warns_of_nothing() -> None:
    healthy = info(
        "# Memory", "used_memory:1000", "maxmemory:2000", "mem_fragmentation_ratio:9.00",
        "mem_fragmentation_bytes:9000", "# Persistence", "rdb_last_bgsave_status:ok", "# Replication",
        "master_link_status:up", "slave0:ip=10.0.0.2,port=6379,state=online,offset=9,lag=0",
    )  # fmt: skip
    assert "Warnings" not in seen("INFO", healthy)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("master_link_status:down",), "no link to its primary"),
        (("used_memory:95", "maxmemory:100"), "95% of maxmemory"),
        (("connected_clients:90", "maxclients:100"), "90% of maxclients"),
        (("mem_fragmentation_ratio:2.10", "mem_fragmentation_bytes:524288000"), "500.00M are lost"),
        (("slave0:ip=10.0.0.2,port=6379,state=online,offset=9,lag=11",), "silent for more than 10 s"),
        (("slave0:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0",), "is not online"),
        (("master0:name=orders,status=odown,address=10.0.0.1:6379,slaves=1,sentinels=3",), "is not ok"),
        (("rejected_connections:4",), "clients were turned away"),
        (("loading:1",), "serves nobody"),
    ],
)
def test_info_warns_of(lines: tuple[str, ...], words: str) -> None:
    first = seen("INFO", info("# Any", *lines)).partition("\n\n")[0]
    assert first.startswith("Warnings")
    assert words in first


def test_commands_stand_in_a_table_with_their_share_of_the_time() -> None:
    reply = info(
        "# Commandstats",
        "cmdstat_get:calls=10,usec=30,usec_per_call=3.00,rejected_calls=0,failed_calls=1",
        "cmdstat_keys:calls=1,usec=970,usec_per_call=970.00,rejected_calls=0,failed_calls=0",
    )
    assert seen("INFO commandstats", reply).splitlines() == [
        "Commandstats",
        "  command       calls  usec  usec_per_call  rejected_calls  failed_calls  of all time",
        "  cmdstat_keys      1   970         970.00               0             0        97.0%",
        "  cmdstat_get      10    30           3.00               0             1         3.0%",
    ]


def test_a_primary_says_how_far_each_replica_is_behind() -> None:
    reply = info(
        "# Replication",
        "role:master",
        "slave0:ip=10.0.0.2,port=6379,state=online,offset=900000,lag=1",
        "master_repl_offset:1000000",
    )
    assert "slave0   10.0.0.2  6379  online  900000    1  100000 bytes  97.66K" in seen("INFO", reply)


def test_a_size_is_explained_once_by_the_server_or_by_the_view() -> None:
    reply = info("# Memory", "used_memory:1048576", "used_memory_human:1.00M", "mem_clients_normal:1048576")
    assert seen("INFO memory", reply).splitlines() == [
        "Memory",
        "used_memory         1048576",
        "used_memory_human   1.00M",
        "mem_clients_normal  1048576  1.00M",
    ]


def test_ages_in_info_are_those_by_the_clock_of_the_server() -> None:
    reply = info("# Server", f"server_time_usec:{NOW + 3600}000000", f"rdb_last_save_time:{NOW}")
    assert "1 h ago" in seen("INFO", reply)


@pytest.mark.parametrize(
    ("name", "found", "words"),
    [
        ("uptime_in_seconds", 90061, "1 d 1 h"),
        ("uptime_in_seconds", 59, ""),
        ("rdb_last_bgsave_time_sec", -1, "none yet"),
        ("rdb_current_bgsave_time_sec", -1, "none now"),
        ("latest_fork_usec", 12345, "12.3 ms"),
        ("expire_cycle_cpu_milliseconds", 65000, "1 min 5 s"),
        ("total_net_input_bytes", 1023, ""),
        ("total_net_input_bytes", 1024, "1.00K"),
        ("total_commands_processed", 4120331, "4,120,331"),
        ("instantaneous_input_kbps", 2048.0, "2.00M/s"),
        ("rdb_last_save_time", NOW - 60, "2026-11-26 19:05:40Z  1 min ago"),
        ("tcp_port", 63790000, ""),
        ("used_memory", 10**40, ""),
        ("used_memory", "much", ""),
    ],
)
def test_a_number_means(name: str, found: Reply, words: str) -> None:
    assert meaning(name, found, NOW) == words


# -- CLIENT LIST


def clients(*differing: str) -> bytes:
    lines = [
        f"id={number} addr=10.0.0.{number}:4000 name= age=9 idle=1 flags=N db=0 omem=0 resp=2 tot-mem=2048 cmd=get"
        for number in range(1, 6)
    ]
    return "".join(f"{line}\n" for line in (*lines, *differing)).encode()


def test_what_most_clients_have_in_common_is_said_once_and_exceptions_stand_by_the_client() -> None:
    odd = "id=6 addr=10.0.0.6:4000 name= age=9 idle=1 flags=N db=0 omem=0 resp=3 tot-mem=2048 cmd=get"
    lines = seen("CLIENT LIST", clients(odd)).splitlines()
    [usual] = [line for line in lines if line.startswith("unless said otherwise")]
    assert "resp=2" in usual
    assert [line for line in lines if "resp=3" in line] == [lines[-1]]
    assert lines[-1].split() == ["6", "9", "1", "2048", "resp=3"]


def test_a_field_that_a_client_does_not_have_is_said_not_to_be_there() -> None:
    odd = "id=6 addr=10.0.0.6:4000 name= age=9 idle=1 flags=N db=0 omem=0 tot-mem=2048 cmd=get"
    assert seen("CLIENT LIST", clients(odd)).splitlines()[-1].endswith("no resp")


def test_a_client_that_does_not_read_is_named_above_the_table() -> None:
    odd = (
        "id=6 addr=10.0.0.6:4000 name= age=9 idle=1 flags=N db=0 omem=9437184 resp=2 tot-mem=9439232 cmd=get"
    )
    lines = seen("CLIENT LIST", clients(odd)).splitlines()
    assert lines[1] == "id 6 does not read what it asked for: omem 9.00M"


def test_the_letters_of_flags_are_explained_and_counted() -> None:
    odd = "id=6 addr=10.0.0.6:4000 name= age=9 idle=1 flags=bx db=0 omem=0 resp=2 tot-mem=2048 cmd=blpop"
    first = seen("CLIENT LIST", clients(odd)).splitlines()[0]
    assert first == "6 clients: 5 nothing special (N), 1 blocked (b), 1 in MULTI (x)"


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_table_of_clients_has_a_line_for_each(width: int) -> None:
    lines = seen("CLIENT LIST", clients(), width).splitlines()
    start = lines.index("") + 2
    assert [line.split()[0] for line in lines[start : start + 5]] == ["1", "2", "3", "4", "5"]


# -- CONFIG GET


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("maxmemory", "104857600", "100.00M"),
        ("maxmemory", "0", "no limit"),
        ("maxmemory-clients", "5%", ""),
        ("save", "3600 1 300 100 60 10000",
         "after 1 h with a change, after 5 min with 100 changes, after 1 min with 10,000 changes"),
        ("save", "", "no snapshots by themselves"),
        ("save", "3600", ""),
        ("client-output-buffer-limit", "normal 0 0 0 pubsub 33554432 8388608 60",
         "normal: no limit; pubsub: 32.00M at once or 8.00M for 1 min"),
        ("client-output-buffer-limit", "normal 0 0", ""),
        ("timeout", "0", "idle clients stay"),
        ("cluster-node-timeout", "15000", "15 s"),
        ("slowlog-log-slower-than", "-1", "off"),
        ("slowlog-log-slower-than", "0", "every command"),
        ("slowlog-log-slower-than", "10000", "10 ms"),
        ("list-max-listpack-size", "-2", "at most 8 KB in a node"),
        ("list-max-listpack-size", "128", ""),
        ("notify-keyspace-events", "Kx", "keyspace, expired"),
        ("notify-keyspace-events", "", "no notifications"),
        ("maxmemory", "9" * 5000, ""),
        ("port", "6379", ""),
    ],
)  # fmt: skip
def test_a_setting_means(name: str, said: str, words: str) -> None:
    assert meant(name, said) == words


def test_settings_are_sorted_by_name() -> None:
    reply = Map([(b"port", b"6379"), (b"maxmemory", b"0"), (b"save", b"")])
    lines = seen("CONFIG GET *", reply).splitlines()
    assert [line.split()[0] for line in lines] == ["maxmemory", "port", "save"]


# -- the others


@pytest.mark.parametrize(
    ("command", "reply", "line"),
    [
        ("TTL k", 3600, "(integer) 3600  1 h, until 2026-11-26 20:06:40Z"),
        ("TTL k", -1, "(integer) -1  it does not expire"),
        ("TTL k", -2, "(integer) -2  there is no such key"),
        ("PTTL k", 1500, "(integer) 1500  1.5 s, until 2026-11-26 19:06:41Z"),
        ("EXPIRETIME k", NOW + 60, "(integer) 1795720060  2026-11-26 19:07:40Z  in 1 min"),
        ("PEXPIRETIME k", -2, "(integer) -2  there is no such key"),
        ("LASTSAVE", NOW - 7200, "(integer) 1795712800  2026-11-26 17:06:40Z  2 h ago"),
        ("OBJECT IDLETIME k", 90, "(integer) 90  1 min 30 s, since 2026-11-26 19:05:10Z"),
        ("MEMORY USAGE k", 5120, "(integer) 5120  5.00K"),
        ("MEMORY USAGE k", None, "(nil)"),
        ("TTL k", 10**400, f"(integer) {10**400}"),
    ],
)
def test_a_single_number_is_shown_as_redis_cli_does_with_what_it_means(
    command: str, reply: Reply, line: str
) -> None:
    assert seen(command, reply, 1000) == f"{line}\n"


def test_slow_commands_are_written_as_they_would_be_typed() -> None:
    entry: list[Reply] = [
        7,
        NOW,
        12345,
        [b"SET", b"a key", b"it's", b"\x1b[31m", b""],
        b"10.0.0.1:4000",
        b"web",
    ]
    assert seen("SLOWLOG GET", [entry]).splitlines()[1:] == [
        " 7  12345  12.3 ms  1795720000  2026-11-26 19:06:40Z  10.0.0.1:4000  web",
        """    SET "a key" "it's" "\\x1b[31m" \"\"""",
    ]


def test_bars_are_of_ascii_where_the_text_is() -> None:
    history: Reply = [[NOW, 5], [NOW + 1, 10]]
    assert "█" in seen("LATENCY HISTORY command", history)
    assert seen("LATENCY HISTORY command", history, encoding="ascii").isascii()


def test_a_replica_without_a_link_says_so() -> None:
    reply: Reply = [b"slave", b"10.0.0.1", 6379, b"connect", -1]
    assert "state    connect  the link to its primary is not up" in seen("ROLE", reply)


def test_modules_have_versions_as_people_write_them() -> None:
    reply: Reply = [Map([(b"name", b"search"), (b"ver", 20816), (b"path", b""), (b"args", [])])]
    assert "search  20816  2.8.16" in seen("MODULE LIST", reply)


def test_each_field_of_a_hash_has_its_span() -> None:
    assert seen("HTTL cart FIELDS 3 milk eggs tea", [3600, -1, -2]).splitlines() == [
        '1) "milk"  (integer) 3600  1 h, until 2026-11-26 20:06:40Z',
        '2) "eggs"  (integer) -1  it does not expire',
        '3) "tea"   (integer) -2  there is no such field',
    ]


def test_large_commands_are_measured_in_bytes_and_slow_ones_in_microseconds() -> None:
    entry: Reply = [[0, NOW, 2048, [b"GET", b"k"], b"10.0.0.1:4000", b""]]
    assert "2048  2.00K" in seen("COMMANDLOG GET 1 large-reply", entry)
    assert "2048  2 ms" in seen("COMMANDLOG GET 1 slow", entry)


# -- ACL LOG


def refusal(client: str, age: float = 5000.25) -> Reply:
    entry = {
        b"count": 3,
        b"reason": b"key",
        b"context": b"toplevel",
        b"object": b"secret",
        b"username": b"ada",
    }
    return Map([*entry.items(), (b"age-seconds", age), (b"client-info", client.encode()), (b"entry-id", 7)])


def test_acl_log_says_once_what_its_clients_have_in_common() -> None:
    common = "laddr=10.0.0.1:6379 name=web db=0"
    said = seen("ACL LOG", [refusal(f"id={at} addr=10.0.0.2:{at} {common} cmd=get") for at in (5, 6)])
    assert said.count(common) == 1
    assert "1)  5  addr=10.0.0.2:5\n" in said
    assert "1)     3  key     toplevel  secret  ada       1 h 23 min  web\n" in said
    assert "1)     5000.25         7\n" in said


def test_acl_log_lays_out_the_fields_of_a_client_that_is_alone() -> None:
    said = seen("ACL LOG 1", [refusal("id=5 addr=10.0.0.2:5 name= flags=x omem=2097152")])
    assert "flags  x  in MULTI" in said
    assert "omem  2097152  2.00M" in said
    assert "10.0.0.2:5\n" in said.splitlines(keepends=True)[1]


# -- at 80 columns


def test_commands_are_a_line_each_and_say_what_failed() -> None:
    reply = info(
        "# Commandstats",
        "cmdstat_client|no-evict:calls=1,usec=5,usec_per_call=5.00,rejected_calls=0,failed_calls=0",
        "cmdstat_get:calls=1471,usec=231674,usec_per_call=157.49,rejected_calls=2,failed_calls=1",
    )
    assert seen("INFO commandstats", reply, width=80).splitlines() == [
        "Commandstats",
        "  rejected_calls and failed_calls are 0 unless said otherwise",
        "  command           calls    usec  usec_per_call  of all time",
        "  cmdstat_get        1471  231674         157.49       100.0%  rejected_calls 2,",
        "                                                               failed_calls 1",
        "  cmdstat_client|no-evict  1    5           5.00         0.0%",
    ]


def test_a_slow_command_stands_below_its_client_and_does_not_leave_its_indent() -> None:
    entry: Reply = [7, NOW, 12000, [b"MGET", *(b"key:%d" % at for at in range(20))], b"10.0.0.2:5", b"web"]
    first, client, *command = seen("SLOWLOG GET", [entry], width=80).splitlines()
    assert first == "id 7  usec 12000  12 ms  1795720000  2026-11-26 19:06:40Z"
    assert client == "  10.0.0.2:5  web"
    assert len(command) > 1
    assert all(line.startswith("  ") for line in command)


def test_the_last_spike_of_an_event_has_its_moment_on_its_line() -> None:
    said = seen("LATENCY LATEST", [[b"expire-cycle", NOW, 23, 300, 1034, 13]], width=80)
    assert said.splitlines()[1].endswith("2026-11-26 19:06:40Z")


def test_the_links_of_a_cluster_are_a_line_each() -> None:
    link = Map([
        (b"direction", b"to"), (b"node", b"a" * 40), (b"create-time", (NOW - 62) * 1000), (b"events", b"r"),
        (b"send-buffer-allocated", 48), (b"send-buffer-used", 48),
    ])  # fmt: skip
    assert len(seen("CLUSTER LINKS", [link, link], width=80).splitlines()) == 5
    assert seen("CLUSTER LINKS", [link]).splitlines()[-1].endswith("1795719938000  1 min 2 s ago")
