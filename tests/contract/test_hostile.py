"""An agent runs where the target can tamper with it: rubbish, gigabytes, silence, bombs and wrong types."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from podprobe.agents import exchange, gathering, wire
from podprobe.agents.client import Agent
from podprobe.agents.process import ProcessStream
from podprobe.capturing import record
from podprobe.capturing.live import LiveCapture
from podprobe.capturing.sink import Sink
from podprobe.errors import AgentError
from podprobe.model import Container, Probe
from podprobe.trying import Trials
from podprobe_agent import protocol
from podprobe_agent.protocol import DATA, END, ERROR, HELLO, PART, ROWS, encode
from podprobe_agent.redact import Redactor
from tests.support.samples import troubled_pod

GREETING = b"podprobe-bootstrap 2 x86_64 glibc 3.13 64 cpython-313/f30d0d0a\n"
HELLO_FRAME = encode(
    HELLO,
    0,
    json.dumps(
        {
            "protocol": 1,
            "version": "0",
            "python": "3.13",
            "kernel": "6",
            "machine": "x86_64",
            "pid": 7,
            "uid": 0,
            "gid": 0,
            "capabilities": 0,
            "page_bytes": 4096,
            "boot_time": 0.0,
        }
    ).encode(),
)
END_FRAME = encode(END, 1, b'{"duration_us": 1, "taken_at": 1.0}')

IMPOSTOR = """
import base64, os, sys, time, zlib
def take(size):
    while size: size -= len(os.read(0, size))
def write(data):
    while data: data = data[os.write(1, data):]
said = [zlib.decompress(base64.b64decode(one)) for one in {said!r}]
write(said[0])
sizes = b""
while not sizes.endswith(b"\\n"): sizes += os.read(0, 1)
take(sum(map(int, sizes.split())))
write(said[1])
os.read(0, 12)
try:
    while True:
        write(said[2])
        if not {again}: break
except OSError: sys.exit()
time.sleep({linger})
"""


def impostor(
    answer: bytes, again: bool = False, linger: float = 30, hello: bytes = HELLO_FRAME
) -> ProcessStream:
    """A program that becomes no agent: it greets as one, and answers the first request with `answer`."""
    said = [base64.b64encode(zlib.compress(one)) for one in (GREETING, hello, answer)]
    program = IMPOSTOR.format(said=said, again=again, linger=linger)
    return ProcessStream((sys.executable, "-I", "-S", "-c", program))


def part(value: object) -> bytes:
    return encode(PART, 1, json.dumps(value).encode())


UNIX = {"kind": "stream", "state": "listen", "inode": 1}
BREACHES = {
    "rubbish": b"\x1b[2Jnot a frame at all" * 10,
    "a kind that there is not": struct.pack("!2sBBII", b"PP", 99, 0, 1, 0),
    "a frame too large": struct.pack("!2sBBII", b"PP", PART, 0, 1, 1 << 31),
    "a request that was never made": encode(END, 7, b"{}"),
    "HELLO again": HELLO_FRAME,
    "an answer after the end": END_FRAME + END_FRAME + END_FRAME,
    "no JSON": encode(PART, 1, b"\xff\xfe{"),
    "JSON nested for ever": encode(PART, 1, b"[" * 500_000),
    "an area that was not asked": part({"area": "processes", "items": []}),
    "an area that there is not": part({"area": "nonsense", "items": []}),
    "items for a value": part({"area": "counters", "items": [1]}),
    "a wrong type": part({"area": "unix", "items": [{**UNIX, "inode": "one"}]}),
    "a wrong word": part({"area": "unix", "items": [{**UNIX, "kind": "pipe"}]}),
    "text too long": part({"area": "unix", "items": [{**UNIX, "path": "x" * 5000}]}),
    "a number too large": encode(PART, 1, b'{"area": "unix", "items": [{"inode": 1e999}]}'),
    "rows of no size": encode(ROWS, 1, bytes([protocol.ROWS_INET]) + bytes(351)),
    "messages of no size": encode(ROWS, 1, bytes([protocol.ROWS_DIAG, 6]) + bytes(88)),
    "messages of no protocol": encode(ROWS, 1, bytes([protocol.ROWS_DIAG])),
    "a message cut off": encode(ROWS, 1, bytes([protocol.ROWS_DIAG, 6, 92, 0, 0, 0]) + bytes(84)),
    "rows of another format": encode(ROWS, 1, bytes([99]) + bytes(352)),
    "a stream where none belongs": encode(DATA, 1, b"x"),
    "an end that is none": encode(END, 1, b"[]"),
    "an agent's complaint": encode(ERROR, 0, b'{"message": "no"}'),
    "a bomb": struct.pack("!2sBBII", b"PP", PART, 1, 1, len(zlib.compress(bytes(20 << 20), 9)))
    + zlib.compress(bytes(20 << 20), 9),
}


def look_on(agent: Agent) -> None:
    """Look until it fails: the first answer may be in order, and the breach behind it."""
    while True:
        agent.look(["inet", "unix", "counters"], timeout=20)


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_the_protocol_cuts_the_agent_off(breach: str) -> None:
    agent = Agent.start(impostor(BREACHES[breach]), "web")
    try:
        with pytest.raises(AgentError, match="in container web broke the protocol, and was cut off"):
            look_on(agent)
        assert not agent.alive
        with pytest.raises(AgentError, match="broke the protocol"):
            agent.look(["unix"])
    finally:
        agent.close()


@pytest.mark.parametrize(
    "flood",
    [
        encode(PART, 1, b'{"area": "unix", "items": []}' + b" " * 1_000_000),
        encode(ROWS, 1, bytes([protocol.ROWS_INET]) + bytes(352 * 20_000), compress=True),
    ],
    ids=["wide", "compressed"],
)
def test_gigabytes_are_refused_in_bounded_memory(flood: bytes) -> None:
    agent = Agent.start(impostor(flood, again=True), "web")
    try:
        with pytest.raises(AgentError, match=r"larger than 96 MiB"):
            agent.look(["unix", "inet"], timeout=60)
        assert not agent.alive
    finally:
        agent.close()


def test_many_small_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LOOK_ITEMS", 5000)
    agent = Agent.start(impostor(part({"area": "unix", "items": [UNIX] * 500}), again=True), "web")
    try:
        with pytest.raises(AgentError, match="5000 items"):
            agent.look(["unix"], timeout=60)
    finally:
        agent.close()


def test_what_is_in_lists_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LOOK_ITEMS", 50_000)
    held = part({"area": "fds", "items": [{"pid": 1, "sockets": list(range(10_000))}]})
    agent = Agent.start(impostor(held, again=True), "web")
    try:
        with pytest.raises(AgentError, match="50000 items"):
            agent.look(["fds"], timeout=60)
    finally:
        agent.close()


def test_more_sockets_than_an_agent_sends_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LOOK_SOCKETS", 1000)
    rows = encode(ROWS, 1, bytes([protocol.ROWS_DIAG, 6]) + messages(0, 400), compress=True)
    agent = Agent.start(impostor(rows * 3 + END_FRAME), "web")
    try:
        with pytest.raises(AgentError, match="1000 sockets"):
            agent.look(["inet"], timeout=60)
    finally:
        agent.close()


def messages(first: int, count: int) -> bytes:
    """Sockets as sock_diag tells them, in as few bytes as can be: each is another one."""
    made = bytearray()
    for number in range(first, first + count):
        body = bytearray(72)
        body[0:4] = bytes([2, 1, 0, 0])
        body[4:8] = struct.pack(">HH", number >> 16 & 0xFFFF, number & 0xFFFF)
        body[8:12] = bytes([127, 0, 0, 1])
        body[24:28] = struct.pack(">I", number + 1)
        body[44:52] = struct.pack("=Q", number + 1)
        body[68:72] = struct.pack("=I", number + 1000)
        made += struct.pack("=IHHII", 88, 20, 2, 1, 1) + body
    return bytes(made)


PEAK = """
import resource, sys
from contextlib import suppress
from podprobe.agents import diag, gathering
from podprobe.agents.inet import decode
from podprobe_agent.protocol import PART, ROWS, ROWS_DIAG, Frame
from tests.contract.test_hostile import messages
took = gathering.Gathering(None, ["inet", "fds"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.argv[1] == "inet":
    with suppress(AttributeError):  # there is no wire that could be cut off
        for number in range(0, 1_000_000, 10_000):
            took.take(Frame(ROWS, 1, bytes([ROWS_DIAG, 6]) + messages(number, 10_000)))
    held = decode(took.answer.inet)
    assert len(held) > 300_000
else:
    with suppress(AttributeError):
        for number in range(100_000, 1 << 31, 10_000):
            sockets = ",".join(map(str, range(number, number + 10_000)))
            took.take(Frame(PART, 1, ('{"area":"fds","items":[{"pid":1,"sockets":[%s]}]}' % sockets).encode()))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.parametrize(("area", "most_mib"), [("inet", 400), ("fds", 200)])
def test_a_look_in_megabytes(area: str, most_mib: int) -> None:
    """90 MiB of the smallest sockets took 1.9 GiB, of numbers of sockets 3.3 GiB."""
    done = subprocess.run([sys.executable, "-c", PEAK, area], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < most_mib


def test_frames_that_nobody_takes_hold_the_agent_back() -> None:
    """While the answer is not taken, what is held is bounded, and the agent waits in its write."""
    stream = impostor(encode(DATA, 1, bytes(1 << 19)), again=True)
    agent = Agent.start(stream, "web")
    try:
        capture = agent.capture("lo", [], snap_bytes=96, seconds=60)
        next(capture)
        time.sleep(1.0)
        assert 0 < capture._exchange._held <= (16 << 20) + protocol.MAX_PAYLOAD
        assert agent.alive
    finally:
        agent.close()


FLOOD = encode(DATA, 1, bytes(1 << 19))


def after_the_deadline(monkeypatch: pytest.MonkeyPatch, seconds: float = 1.0) -> None:
    """Let captures have their deadline that soon, and no time to end."""
    ask = wire.Wire.ask
    monkeypatch.setattr(wire.Wire, "ask", lambda self, request, _: ask(self, request, seconds))
    monkeypatch.setattr(exchange, "_CANCEL_SECONDS", seconds)


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["a quick taker", "a slow one"])
def test_a_flood_without_end_is_no_capture_without_end(pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_deadline(monkeypatch)

    class Out(io.BytesIO):
        def write(self, piece: Any) -> int:
            time.sleep(pause)
            return len(piece)

    agent = Agent.start(impostor(FLOOD, again=True), "web")
    try:
        begun = time.monotonic()
        with pytest.raises(
            AgentError, match=r"did not answer in time|goes on answering request 1, which is over"
        ):
            record(agent, "lo", [], Sink(Out), snap_bytes=96, seconds=2.0)
        assert time.monotonic() - begun < 15
        # What it goes on sending, though nobody wants it, ends it.
        while agent.alive:
            assert time.monotonic() - begun < 30
            time.sleep(0.05)
    finally:
        agent.close()


def test_empty_frames_do_not_pile_up() -> None:
    agent = Agent.start(impostor(encode(DATA, 1) * 10_000, again=True), "web")
    try:
        capture = agent.capture("lo", [], snap_bytes=96, seconds=60)
        next(capture)
        time.sleep(2.0)
        assert len(capture._exchange._frames) <= (16 << 20) // 200 + 1
    finally:
        agent.close()


def test_a_recording_is_no_larger_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_deadline(monkeypatch)
    agent = Agent.start(impostor(FLOOD, again=True), "web")
    out = io.BytesIO()
    try:
        with pytest.raises(AgentError, match="did not answer in time"):
            record(agent, "lo", [], Sink(lambda: out), snap_bytes=96, seconds=60, most_bytes=3 << 20)
    finally:
        agent.close()
    assert len(out.getvalue()) == 3 << 20


def test_a_live_capture_keeps_no_more_than_its_spool_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_deadline(monkeypatch)
    agent = Agent.start(impostor(FLOOD, again=True), "web")
    capture = LiveCapture(agent, "lo", spool_bytes=3 << 20)
    try:
        capture.start()
        begun = time.monotonic()
        while (progress := capture.progress).phase != "ended":
            assert time.monotonic() - begun < 30
            time.sleep(0.05)
        assert progress.full
        assert progress.bytes == 3 << 20
    finally:
        capture.close()
        agent.close()


def test_a_slow_taker_does_not_cost_an_agent_that_has_ended_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end waits behind more than is held: until it is taken, neither silence nor time is the agent's fault."""
    monkeypatch.setattr(protocol, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(protocol, "BEAT_TIMEOUT_SECONDS", 0.5)
    after_the_deadline(monkeypatch)
    count = b'{"packets": 40, "dropped": 0}'
    agent = Agent.start(impostor(FLOOD * 40 + encode(END, 1, count)), "web")
    try:
        with agent.capture("lo", [], snap_bytes=96, seconds=60) as capture:
            pieces = [next(capture)]
            time.sleep(2.0)
            assert agent.alive
            pieces += capture
        assert (len(pieces), capture.packets) == (40, 40)
    finally:
        agent.close()


def test_silence_ends_in_time() -> None:
    agent = Agent.start(impostor(b""), "web")
    try:
        begun = time.monotonic()
        with pytest.raises(AgentError, match="did not answer in time"):
            agent.look(["unix"], timeout=0.3)
        assert time.monotonic() - begun < 10
    finally:
        agent.close()


def test_heartbeats_that_stop_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(protocol, "BEAT_TIMEOUT_SECONDS", 0.4)
    agent = Agent.start(impostor(b""), "web")
    try:
        with pytest.raises(AgentError, match="nothing has come for"):
            agent.look(["unix"], timeout=30)
        assert not agent.alive
    finally:
        agent.close()


def test_an_end_in_the_middle_is_told_with_its_cause() -> None:
    agent = Agent.start(impostor(part({"area": "unix", "items": [UNIX]}), linger=0), "web")
    try:
        with pytest.raises(AgentError, match=r"stopped answering: its stream ended \(exit status 0\)"):
            agent.look(["unix"], timeout=30)
    finally:
        agent.close()


@pytest.mark.parametrize(
    ("hello", "message"),
    [
        (b"\x00" * 100, "what no agent says"),
        (END_FRAME, "first frame is no HELLO"),
        (encode(HELLO, 0, b"{}"), "HELLO is not valid"),
        (encode(HELLO, 0, b'{"uid": "' + b"x" * 9999 + b'"}'), "HELLO is not valid"),
    ],
    ids=["rubbish", "another frame", "empty", "wrong"],
)
def test_a_hello_that_is_none(hello: bytes, message: str) -> None:
    with pytest.raises(AgentError, match=message):
        Agent.start(impostor(b"", hello=hello), "web")


@pytest.mark.parametrize(
    "said", ["yes", "head -c 2000000000 /dev/zero", "printf 'podprobe-bootstrap 2 x\\n'; cat"]
)
def test_a_greeting_that_is_none(said: str) -> None:
    with pytest.raises(AgentError, match="the image's python3 said"):
        Agent.start(ProcessStream(("sh", "-c", said)), "web")


def test_no_greeting_at_all() -> None:
    with pytest.raises(AgentError, match="it said nothing in time"):
        Agent.start(ProcessStream(("sleep", "30")), "web", timeout=0.3)


def test_a_greeting_and_then_a_deaf_ear() -> None:
    """A program that greets and reads nothing: what it is sent is more than a pipe holds."""
    program = f"import os, time; os.write(1, {GREETING!r}); time.sleep(60)"
    begun = time.monotonic()
    with pytest.raises(AgentError, match="did not take what it was sent"):
        Agent.start(ProcessStream((sys.executable, "-I", "-S", "-c", program)), "web", timeout=1.0)
    assert time.monotonic() - begun < 10


def test_an_agent_that_reads_no_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request fills the pipe: neither whoever asks nor the heartbeats wait for ever."""
    monkeypatch.setattr(protocol, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(protocol, "BEAT_TIMEOUT_SECONDS", 0.5)
    agent = Agent.start(impostor(encode(protocol.BEAT, 0), again=True), "web")
    try:
        begun = time.monotonic()
        with pytest.raises(AgentError, match="did not take what it was sent"):
            agent.look(["unix"], redact=[base64.b64encode(os.urandom(300_000)).decode()], timeout=30)
        assert time.monotonic() - begun < 10
        assert not agent.alive
    finally:
        agent.close()


def test_a_trial_that_an_agent_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_deadline(monkeypatch, 0.3)
    web = Container(name="web", state="running", probes=(Probe(role="readiness", kind="tcp", port=80),))
    agent = Agent.start(impostor(b""), "web")
    try:
        with ThreadPoolExecutor() as pool:
            trials = Trials(pool, Redactor(()))
            trials.start([web], troubled_pod(), {"web": agent})
            found = trials.result()["web", "readiness"]
    finally:
        agent.close()
    assert found.outcome == "not-tried"
    assert "did not answer in time" in (found.detail or "")
