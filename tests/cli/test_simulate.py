"""`dlp-gateway simulate`: what another policy would have done, in numbers, by mail, and as an exit status."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest

from dlp_gateway import settings
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.processes import composition, policies
from tests.cli.conftest import HOSTILE, POLICY, Run, lines
from tests.fakes import ScriptedSmarthost

OUTSIDERS: Final = tuple(f"c{number}@shop{number}.example" for number in range(12))
NOW: Final = datetime.now(UTC).replace(microsecond=0)


def mail(*to: str, hours_ago: int = 1, subject: str = "Offer") -> bytes:
    """Return a mail that is its author's only one, so that none is a second attempt."""
    date = format_datetime(NOW - timedelta(hours=hours_ago))
    header = f"From: {author(len(to))}\r\nTo: {', '.join(to)}\r\nDate: {date}\r\nSubject: {subject}\r\n"
    return f"{header}\r\nHello\r\n".encode()


def author(count: int) -> str:
    """Return who writes to so many."""
    return f"author{count}@corp.example"


@pytest.fixture
def mails(config: Path) -> Path:
    """A folder with a mail to four outsiders, one to twelve and one to one."""
    folder = config.parent / "mails"
    folder.mkdir()
    for name, count in (("four", 4), ("twelve", 12), ("one", 1)):
        (folder / f"{name}.eml").write_bytes(mail(*OUTSIDERS[:count], hours_ago=count, subject=HOSTILE))
    return folder


@pytest.fixture
def policy(config: Path) -> Path:
    """A policy under which three visible outsiders are too many."""
    path = config.parent / "new.yaml"
    path.write_text(POLICY + "set: {bulk-visible.outsiders: 3, bulk-visible.action: review}\n")
    return path


@pytest.fixture
def written(config: Path) -> Path:
    """A journal that a pipeline wrote: of mails to four, twelve and one outsider, hours ago."""

    async def write() -> None:
        found, of = policies.load(config)
        key = await composition.prepared_custody(found)
        custody = await composition.custody(found, key.public, None)
        journal = await composition.journal(found, key.public, None)
        inspector = composition.inspector(found, of)
        pipeline = Pipeline(
            policy=of,
            inspector=inspector,
            smarthost=ScriptedSmarthost(),
            custody=custody,
            journal=journal,
            hostname="gw.corp.example",
            smarthost_name="mta.example",
            hop_limit=50,
        )
        for count in (12, 4, 1):
            envelope = Envelope(
                id=f"mail-to-{count}",
                reverse_path=author(count),
                recipients=OUTSIDERS[:count],
                client="127.0.0.1",
                login="",
                body_8bit=True,
                smtputf8=True,
                received_at=NOW - timedelta(hours=count),
            )
            await pipeline.process(envelope, mail(*OUTSIDERS[:count]))
        await inspector.close()
        await journal.close()
        await custody.close()

    asyncio.run(write())
    return Path(settings.load(config).custody.url.removeprefix("sqlite:///"))


def told(run: Run, *arguments: object) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    """Return the exit status, the changes, and the last line, of a run with --json."""
    result = run("simulate", *arguments, "--json")
    *changes, last = lines(result)
    return result.exit_code, changes, last


def test_a_folder_under_a_stricter_policy(run: Run, mails: Path, policy: Path) -> None:
    """Totals, rules, and each mail that changed with old, new and why; 1 for a pipeline to stop at."""
    status, changes, last = told(run, "--policy", policy, "--from", mails)
    assert status == 1
    assert [(one["id"], one["before"]["disposition"], one["after"]["disposition"]) for one in changes] == [
        ("twelve.eml", "rewrite", "hold"),
        ("four.eml", "forward", "hold"),
    ]
    assert changes[1]["kinds"] == ["held", "stricter"]
    assert changes[1]["after"]["reasons"] == ["bulk-visible"]
    summary = last["summary"]
    assert (summary["mails"], summary["changed"]) == (3, 2)
    assert summary["dispositions"]["hold"] == {"before": 0, "after": 2, "more": 2, "fewer": 0}
    assert summary["rules"]["bulk-visible"]["after"] == 2
    assert last["notes"] == []


def test_for_reading(run: Run, mails: Path, policy: Path) -> None:
    """A sentence and tables; nothing of a mail's text or header reaches the terminal."""
    result = run("simulate", "--policy", policy, "--from", mails)
    assert result.exit_code == 1
    assert "2 more held; 1 fewer rewritten; 1 fewer forwarded as they are." in result.stdout
    assert "+bulk-visible" in result.stdout
    assert "forward → hold" in result.stdout
    assert "offer" not in result.stdout
    assert "shop3" not in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("fail_on", "status"),
    [
        ((), 1),
        (("any",), 1),
        (("held",), 1),
        (("stricter",), 1),
        (("milder",), 0),
        (("rejected",), 0),
        (("rejected", "held"), 1),
        (("never",), 0),
    ],
)
def test_which_changes_fail(run: Run, mails: Path, policy: Path, fail_on: tuple[str, ...], status: int) -> None:
    """What a pipeline of changes to policies shall stop at."""
    options = [word for one in fail_on for word in ("--fail-on", one)]
    assert told(run, "--policy", policy, "--from", mails, *options)[0] == status


def test_the_same_policy_changes_nothing(run: Run, mails: Path, config: Path) -> None:
    """0, and no line but the summary."""
    status, changes, last = told(run, "--policy", config.parent / "policy.yaml", "--from", mails)
    assert (status, changes, last["summary"]["mails"]) == (0, [], 3)


def test_a_rule_that_only_observes_is_listed_and_fails_nothing(run: Run, mails: Path, policy: Path) -> None:
    """It is how a rule is tried; whoever wants it to fail has no such wish in words."""
    policy.write_text(POLICY + "rules: [{id: x, when: {finding: recipients.outsiders}, then: review, mode: observe}]\n")
    status, changes, last = told(run, "--policy", policy, "--from", mails)
    assert (status, {kind for one in changes for kind in one["kinds"]}) == (0, {"observed"})
    assert last["summary"]["kinds"]["observed"] == 3


def test_without_a_gateway_yaml(run: Run, mails: Path, policy: Path, config: Path) -> None:
    """In CI there are policies and mails only."""
    baseline = config.parent / "policy.yaml"
    config.unlink()
    status, changes, last = told(run, "--policy", policy, "--baseline", baseline, "--from", mails)
    assert (status, len(changes), last["summary"]["baseline"]) == (1, 2, str(baseline))
    assert run("simulate", "--policy", policy, "--from", mails).exit_code == 78


def test_since_and_limit(run: Run, mails: Path, policy: Path) -> None:
    """The newest mails, or those since a time."""
    for options, expected in (
        (("--limit", 2), ["four.eml"]),
        (("--since", "5h"), ["four.eml"]),
        (("--since", (NOW - timedelta(hours=5)).isoformat()), ["four.eml"]),
        (("--since", "2001-01-01"), ["twelve.eml", "four.eml"]),
    ):
        _, changes, _ = told(run, "--policy", policy, "--from", mails, *options)
        assert [one["id"] for one in changes] == expected, options


def test_dates_of_rules(run: Run, mails: Path, policy: Path) -> None:
    """A rule that begins later acts on no mail of the past, unless dates are ignored; it is said."""
    policy.write_text(
        POLICY + "rules: [{id: x, when: {finding: recipients.outsiders}, then: review, from: 2099-01-01}]\n"
    )
    status, changes, last = told(run, "--policy", policy, "--from", mails)
    assert (status, changes) == (0, [])
    assert last["notes"] == ["The rule x is not in force at any time of these mails; --ignore-dates lets it act."]
    status, changes, last = told(run, "--policy", policy, "--from", mails, "--ignore-dates")
    assert (status, len(changes), last["notes"]) == (1, 3, [])


def test_the_journal_under_a_stricter_policy(run: Run, written: Path, policy: Path) -> None:
    """Compared with what was done, by id; the journal is only read, and what it cannot tell is said."""
    before = written.read_bytes()
    status, changes, last = told(run, "--policy", policy, "--from", "journal", "--since", "1d")
    assert status == 1
    assert [(one["id"], one["before"]["disposition"], one["after"]["disposition"]) for one in changes] == [
        ("mail-to-12", "rewrite", "hold"),
        ("mail-to-4", "forward", "hold"),
    ]
    assert last["summary"]["baseline"] == "what was done"
    assert "The journal holds what was counted then" in last["notes"][0]
    assert "What is remembered of earlier mail is not replayed" in last["notes"][1]
    assert written.read_bytes() == before
    assert "shop3" not in json.dumps(last)


def test_the_journal_with_a_baseline(run: Run, written: Path, policy: Path) -> None:
    """Two policies before the same entries."""
    assert written.exists()
    status, changes, last = told(run, "--policy", policy, "--baseline", policy, "--from", "journal")
    assert (status, changes, last["summary"]["mails"]) == (0, [], 3)


def test_a_journal_that_is_not_there(run: Run, policy: Path) -> None:
    """69 and a sentence."""
    result = run("simulate", "--policy", policy, "--from", "journal")
    assert result.exit_code == 69
    assert "there is no custody" in result.stderr


def test_a_wrong_policy_ends_with_78(run: Run, mails: Path, policy: Path) -> None:
    """With its place, for either of the two."""
    good = POLICY
    policy.write_text(POLICY + "set: {bulk-visible.outsider: 3}\n")
    result = run("simulate", "--policy", policy, "--from", mails)
    assert result.exit_code == 78
    assert f"{policy}:3:7: No pack in force has it" in result.stderr
    (other := policy.with_name("other.yaml")).write_text(good)
    assert run("simulate", "--policy", other, "--baseline", policy, "--from", mails).exit_code == 78
    assert run("simulate", "--policy", "missing.yaml", "--from", mails).exit_code == 78


@pytest.mark.parametrize(
    "arguments", [("--from", "missing"), ("--since", "yesterday"), ("--limit", 0), ("--fail-on", "x"), ()]
)
def test_wrong_usage_ends_with_2(run: Run, policy: Path, arguments: tuple[object, ...]) -> None:
    """A sentence, no traceback."""
    given = arguments if "--from" in arguments or not arguments else ("--from", policy.parent, *arguments)
    result = run("simulate", "--policy", policy, *given)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize("source", ["empty", "empty/notes.txt"])
def test_a_place_without_mail_ends_with_2(run: Run, policy: Path, source: str) -> None:
    """A misspelt path must not look like a policy that changes nothing."""
    (policy.parent / "empty").mkdir()
    (policy.parent / "empty" / "notes.txt").write_text("root:x:0:0::/root:/bin/sh\n")
    result = run("simulate", "--policy", policy, "--from", policy.parent / source)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {policy.parent / source}: no")
    assert "Nothing changes" not in result.stdout


def test_a_team_that_nobody_knows_is_said(run: Run, mails: Path, policy: Path, config: Path) -> None:
    """Without its directory a policy is judged as strictly as it could be."""
    baseline = config.parent / "policy.yaml"
    config.unlink()
    policy.write_text(
        POLICY
        + "teams: {hr: {filter: '(cn=hr)'}}\n"
        + "rules: [{id: x, when: {finding: recipients.outsiders}, only: {team: hr}, then: review}]\n"
    )
    status, changes, last = told(run, "--policy", policy, "--baseline", baseline, "--from", mails)
    assert (status, len(changes)) == (1, 3)
    assert last["notes"][0].startswith("Nobody knows who is in the team hr")
