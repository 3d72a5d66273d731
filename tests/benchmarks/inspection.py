"""What a message costs between the final dot and the verdict: `uv run python -m tests.benchmarks.inspection`.

Each line is a kind of mail: microseconds of CPU to parse it, to read its texts, to measure it (reading included), to
decide, and to make what leaves; with `--detectors` those of each detector beside. The whole default policy is in force.
No two messages in a row are of the same people, so that nothing is remembered from one to the next. The best of several
rounds counts: what is more was another process's.
"""

import argparse
import cProfile
import itertools
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import yaml

from dlp_gateway.content.reader import read
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import NO_FACTS, Detector, Inspection, Material
from dlp_gateway.inspection.measuring import measure, warm_up
from dlp_gateway.mail.edit import AddTrace, apply
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.trace import received
from dlp_gateway.policy.copies import checked, shown
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Verdict
from dlp_gateway.processes import policies
from tests.benchmarks import messages

_PEOPLE = 500  # more than any memory of fields holds
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of mail; `label` is written above its text, so that the gate opens."""

    name: str
    make: Callable[[int], bytes]
    size: int
    label: bytes = b""

    def mails(self) -> list[bytes]:
        """Return as many mails as there are people, alike but for who writes to whom."""
        header, _, body = self.make(self.size).partition(b"\r\n\r\n")
        written = []
        for number in range(_PEOPLE):
            named = header.replace(b"Ada <ada@", b"Ada %d <ada%d@" % (number, number))
            named = named.replace(b"Bob <bob@", b"Bob %d <bob%d@" % (number, number))
            written.append(named + b"\r\n\r\n" + self.label + body)
        return written


_LICENCE = b"My driving licence number is MORGA657054SM9IJ, please keep it to yourself.\r\n\r\n"  # published for tests
KINDS = (
    Kind(name="2 KB prose", make=messages.prose, size=2_000),
    Kind(name="2 KB numbers", make=messages.numbers, size=2_000),
    Kind(name="20 KB prose", make=messages.prose, size=20_000),
    Kind(name="20 KB numbers", make=messages.numbers, size=20_000),
    Kind(name="20 KB export", make=messages.export, size=20_000),
    Kind(name="20 KB prose with a licence", make=messages.prose, size=20_000, label=_LICENCE),
    Kind(name="20 KB numbers with a licence", make=messages.numbers, size=20_000, label=_LICENCE),
)
STEPS = ("parse", "read", "measure", "decide", "leave")


def gateway(folder: Path) -> tuple[Policy, tuple[Detector, ...]]:
    """Return the default policy and its detectors, ready for mail; `folder` is for the policy's file."""
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "inside": ["corp.example"]}), encoding="utf-8")
    policy = policies.load_policy(path)
    detectors = registry.build(policies.recipe(policy))
    warm_up(detectors)
    return policy, detectors


def envelope(number: int) -> Envelope:
    """Return the envelope of the nth mail of any kind."""
    return Envelope(
        id=new_id(),
        reverse_path=f"ada{number}@corp.example",
        recipients=(f"bob{number}@example.net",),
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime.now(UTC),
    )


def steps(kind: Kind, policy: Policy, detectors: Sequence[Detector]) -> dict[str, Callable[[int], object]]:
    """Return what is done with the nth mail of a kind, by name."""
    raws = kind.mails()
    envelopes = [envelope(number) for number in range(_PEOPLE)]
    mails = list(map(parse, raws))

    @cache
    def measured(n: int) -> Inspection:
        return measure(detectors, envelopes[n], mails[n], NO_FACTS)

    @cache
    def decided(n: int) -> Verdict:
        return decide(policy, envelopes[n], mails[n], measured(n))

    def leave(n: int) -> bytes:
        verdict = checked(decided(n), mails[n])
        shown(mails[n], verdict.edits)
        trace = AddTrace(field=received(envelopes[n], "mx.corp.example", "ESMTP"))
        return apply(raws[n], (trace, *verdict.edits))

    return {
        "parse": lambda n: parse(raws[n]),
        "read": lambda n: read(mails[n]),
        "measure": lambda n: measure(detectors, envelopes[n], mails[n], NO_FACTS),
        "decide": lambda n: decide(policy, envelopes[n], mails[n], measured(n)),
        "leave": leave,
    }


def alone(kind: Kind, detectors: Sequence[Detector]) -> dict[str, Callable[[int], object]]:
    """Return each detector's work on the nth mail of a kind, by name; what they share is done for each anew."""
    mails = list(map(parse, kind.mails()))
    envelopes = [envelope(number) for number in range(_PEOPLE)]
    texts = [read(mail) for mail in mails]

    def work(detector: Detector) -> Callable[[int], object]:
        def detect(n: int) -> object:
            found, unreadable = texts[n]
            material = Material(envelope=envelopes[n], message=mails[n], texts=found, unreadable=unreadable)
            return list(detector.detect(material))

        return detect

    return {detector.name: work(detector) for detector in detectors}


def microseconds(work: Callable[[int], object], seconds: float) -> float:
    """Return the CPU time of one piece of `work`, the best of several rounds that take some `seconds` each."""
    numbers: Iterator[int] = itertools.cycle(range(_PEOPLE))
    best = float("inf")
    for _ in range(_ROUNDS):
        count = 0
        begun = time.process_time()
        while (spent := time.process_time() - begun) < seconds:
            for _ in range(10):
                work(next(numbers))
            count += 10
        best = min(best, spent / count)
    return best * 1e6


def compare(kinds: Sequence[Kind], *, seconds: float = 0.1, each: bool = False) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        policy, detectors = gateway(Path(folder))
    print(f"{'µs of CPU':30}", *(f"{name:>9}" for name in STEPS))
    for kind in kinds:
        times = [microseconds(work, seconds) for work in steps(kind, policy, detectors).values()]
        print(f"{kind.name:30}", *(f"{one:9.0f}" for one in times))
        if each:
            for name, work in alone(kind, detectors).items():
                print(f"    {name:26} {microseconds(work, seconds):9.1f}")


def profile(kind: Kind, step: str) -> None:
    """Print where the time of one step goes."""
    with tempfile.TemporaryDirectory() as folder:
        policy, detectors = gateway(Path(folder))
    work = steps(kind, policy, detectors)[step]
    with cProfile.Profile() as profiler:
        for number in range(_PEOPLE):
            work(number)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="kinds of which the name begins so")
    parser.add_argument("--detectors", action="store_true", help="a line for each detector as well")
    parser.add_argument("--seconds", type=float, default=0.1, help="how long each round takes")
    parser.add_argument("--profile", choices=STEPS, help="show where the time of this step goes instead")
    arguments = parser.parse_args()
    chosen = [kind for kind in KINDS if kind.name.startswith(arguments.only)]
    if arguments.profile:
        for kind in chosen:
            profile(kind, arguments.profile)
    else:
        compare(chosen, seconds=arguments.seconds, each=arguments.detectors)


if __name__ == "__main__":
    main()
