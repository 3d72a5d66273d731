"""`dlp-gateway quarantine`: reviewers list, show, release, discard and export; nobody else's terminal is at risk."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import HOSTILE, MAIL, Kept, Run, lines


def states(run: Run, item: str) -> list[str]:
    """Return the states of an item's recipients."""
    (shown,) = lines(run("quarantine", "show", "--json", item))
    return [one["state"] for one in shown["recipients"]]


def test_list_has_the_names_of_the_contract(run: Run, kept: Kept) -> None:
    """One object a line, oldest first."""
    result = run("quarantine", "list", "--json")
    assert result.exit_code == 0
    items = lines(result)
    assert [one["id"] for one in items] == [kept.bulk, kept.licence, kept.due]
    first = items[0]
    assert {"id", "state", "reverse_path", "recipients", "subject", "size", "reasons", "created_at"} <= set(first)
    assert (first["state"], first["reverse_path"], first["size"]) == ("held", "ann@corp.example", len(MAIL))
    assert first["reasons"] == ["bulk-visible"]
    assert first["subject"] == HOSTILE
    assert [(one["address"], one["state"]) for one in first["recipients"]] == [
        ("One@shop.example", "held"),
        ("two@clinic.example", "held"),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--state", "held"), ["bulk-1", "licence-1"]),
        (("--state", "held", "--state", "due"), ["bulk-1", "licence-1", "due-1"]),
        (("--state", "expired"), []),
        (("--reason", "bulk-visible"), ["bulk-1"]),
        (("--older-than", "2d"), ["bulk-1"]),
        (("--newer-than", "2d", "--state", "held"), ["licence-1"]),
        (("--address", "two@clinic.example"), ["bulk-1", "licence-1", "due-1"]),
        (("--address", "ann@corp.example"), ["bulk-1", "licence-1", "due-1"]),
        (("--address", "nobody@corp.example"), []),
        (("--limit", "1"), ["bulk-1"]),
    ],
)
def test_filters(run: Run, kept: Kept, options: tuple[str, ...], expected: list[str]) -> None:
    """Each filter narrows; together they all hold."""
    assert [one["id"] for one in lines(run("quarantine", "list", "--json", *options))] == expected


def test_a_cut_list_says_so(run: Run, kept: Kept) -> None:
    """Whoever sees the limit's worth must know that there may be more."""
    assert "there may be more" in run("quarantine", "list", "--limit", "3").stderr
    assert run("quarantine", "list", "--limit", "4").stderr == ""


def test_the_table_shows_what_waits(run: Run, kept: Kept) -> None:
    """What is over is in the way of who reviews; it comes with --all, with a filter, and for programs."""
    assert run("quarantine", "discard", kept.bulk).exit_code == 0

    def listed(*options: str) -> list[str]:
        return [line.split()[0] for line in run("quarantine", "list", *options).stdout.splitlines()[1:]]

    assert listed() == [kept.licence, kept.due]
    assert listed("--limit", "1") == [kept.licence]
    assert listed("--all") == [kept.bulk, kept.licence, kept.due]
    assert listed("--state", "discarded") == [kept.bulk]
    assert len(lines(run("quarantine", "list", "--json"))) == 3
    assert run("quarantine", "discard", kept.licence, kept.due).exit_code == 0
    assert run("quarantine", "list").stdout == "Nothing in custody waits; --all lists what is over.\n"


def test_what_is_piped_is_whole(run: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each item, whatever the terminal that started it."""
    monkeypatch.setenv("COLUMNS", "40")
    heading, first, *_ = run("quarantine", "list").stdout.splitlines()
    assert heading.split() == ["id", "state", "since", "from", "to", "why", "subject"]
    for cell in (kept.bulk, "ann@corp.example", "One@shop.example +1", "bulk-visible"):
        assert f"{cell}  " in first


def test_an_empty_list_is_a_sentence(run: Run, kept: Kept) -> None:
    """And with --json nothing at all."""
    assert run("quarantine", "list", "--state", "expired").stdout == "Nothing in custody matches.\n"
    assert run("quarantine", "list", "--state", "expired", "--json").stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("list", "--json"),
        ("show", "bulk-1"),
        ("show", "bulk-1", "--json"),
        ("show", "\x1b[2Jno"),
        ("release", "\x1b[2Jno"),
        ("release", "bulk-1", "--why", "\x1b[2J"),
    ],
)
def test_control_characters_never_reach_the_terminal(run: Run, kept: Kept, words: tuple[str, ...]) -> None:
    """Subject, addresses and replies are the author's or a peer's."""

    def harmless(result: Result) -> bool:
        return all(sign.isprintable() or sign == "\n" for sign in result.stdout + result.stderr)

    assert harmless(run("quarantine", *words))
    assert harmless(run("quarantine", "show", "bulk-1"))


def test_show_tells_what_would_leave_and_what_was_done(run: Run, kept: Kept) -> None:
    """The header as rewritten, not the text of the mail."""
    result = run("quarantine", "show", "--json", kept.bulk)
    (shown,) = lines(result)
    (copy,) = shown["copies"]
    assert ["To", "two@clinic.example"] in copy["leaves_with"]
    assert [event["after"] for event in shown["events"]] == ["held", "held"]
    told = run("quarantine", "show", kept.bulk).stdout
    assert "  To: two@clinic.example\n" in told
    assert "new → held" in told
    assert "secret text" not in told + result.stdout


def test_show_explains_the_rule(run: Run, kept: Kept, config: Path) -> None:
    """A name alone tells no reviewer what it is about; times are to the minute; without a policy there is the name."""
    told = run("quarantine", "show", kept.licence).stdout
    assert re.search(r"^why: identity-documents\.licence: [A-Z].{20,}\.$", told, re.MULTILINE)
    assert re.search(r"^came in: [0-9-]{10} [0-9:]{5}Z$", told, re.MULTILINE)
    assert "+00:00" not in told
    (shown,) = lines(run("quarantine", "show", "--json", kept.licence))
    assert set(shown["explanations"]) == {"identity-documents.licence"}
    (config.parent / "policy.yaml").write_text("version: 1\ninside: []\n")
    assert "\nwhy: identity-documents.licence\n" in run("quarantine", "show", kept.licence).stdout


def test_a_preview_tells_what_was_found_and_where(run: Run, kept: Kept) -> None:
    """As `scan` does."""
    result = run("quarantine", "show", "--preview", kept.bulk)
    assert result.exit_code == 0
    assert re.search(r"^  found recipients\.outsiders × 2 at header:To \(score 1\.00\)$", result.stdout, re.MULTILINE)


def test_release_once_and_only_once(run: Run, kept: Kept) -> None:
    """A second release changes nothing and says so; who and why are on record."""
    result = run("quarantine", "release", kept.bulk, "--why", "agreed")
    assert (result.exit_code, result.stdout) == (0, f"{kept.bulk}: released for 2 recipients\n")
    again = run("quarantine", "release", kept.bulk)
    assert again.exit_code == 1
    assert "nothing to be released" in again.stderr
    assert states(run, kept.bulk) == ["due", "due"]
    (shown,) = lines(run("quarantine", "show", "--json", kept.bulk))
    event = shown["events"][-1]
    assert (event["before"], event["after"], event["reason"]) == ("held", "due", "agreed")
    assert event["actor"]


def test_what_cannot_be_done_says_why(run: Run, kept: Kept) -> None:
    """An id that nobody knows, a decision made already and by whom, an address that the mail is not for."""

    def told(*words: str) -> str:
        result = run("quarantine", *words)
        assert result.exit_code == 1
        assert result.stdout == ""
        return result.stderr.rstrip("\n")

    assert told("release", "nope") == "nope: nothing to be released: no such item in custody."
    assert told("delivered", kept.bulk).startswith(f"{kept.bulk}: nothing to be delivered: it is held since 20")
    wrong = ("--recipient", "typo@shop.example")
    assert told("discard", kept.bulk, *wrong) == (
        f"{kept.bulk}: nothing to be discarded: it is not for typo@shop.example."
    )
    assert run("quarantine", "release", kept.bulk).exit_code == 0
    assert re.fullmatch(
        rf"{kept.bulk}: nothing to be released: released already by \S.* at [0-9-]{{10}} [0-9:]{{5}}Z\.",
        told("release", kept.bulk),
    )
    assert run("quarantine", "discard", kept.licence).exit_code == 0
    assert "nothing to be released: discarded already by " in told("release", kept.licence)


def test_one_wrong_recipient_among_right_ones_is_said(run: Run, kept: Kept) -> None:
    """The others are done, and the exit status says that not all was."""
    result = run(
        "quarantine", "release", kept.bulk, "--recipient", "one@shop.example", "--recipient", "typo@shop.example"
    )
    assert (result.exit_code, result.stdout) == (1, f"{kept.bulk}: released for 1 recipient\n")
    assert result.stderr == f"{kept.bulk}: it is not for typo@shop.example.\n"


@pytest.mark.parametrize("written", ["LICENCE-1", " licence-1 ", "licenc", "licence-1"])
def test_an_id_may_be_written_as_people_do(run: Run, kept: Kept, written: str) -> None:
    """In capitals, with a blank, or its beginning."""
    assert lines(run("quarantine", "show", "--json", written))[0]["id"] == kept.licence
    assert run("quarantine", "release", written, "--dry-run").stdout.startswith(f"{kept.licence}: would be released")


@pytest.mark.parametrize("written", ["lic", "", " ", "licence-12", "licence_1", "licenc%"])
def test_what_is_no_beginning_of_an_id_is_no_item(run: Run, kept: Kept, written: str) -> None:
    """Nor is one that is too short to be meant."""
    result = run("quarantine", "show", written)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {written}: no such item in custody.\n"


def test_release_to_one_recipient(run: Run, kept: Kept) -> None:
    """The others wait on."""
    result = run("quarantine", "release", "--json", kept.bulk, "--recipient", "one@SHOP.example")
    assert lines(result) == [{"id": kept.bulk, "action": "released", "recipients": 1, "dry_run": False}]
    assert states(run, kept.bulk) == ["due", "held"]


def test_release_of_the_original_is_on_record(run: Run, kept: Kept) -> None:
    """Sending what the rules meant to change must be asked for by name."""
    assert run("quarantine", "release", kept.bulk, "--original").exit_code == 0
    (shown,) = lines(run("quarantine", "show", "--json", kept.bulk))
    assert "original" in shown["events"][-1]["reason"]


@pytest.mark.parametrize("word", ["release", "discard"])
def test_a_dry_run_changes_nothing(run: Run, kept: Kept, word: str) -> None:
    """It says how many recipients it would be, as the real one then does."""
    dry = run("quarantine", word, kept.bulk, "--dry-run")
    assert dry.exit_code == 0
    assert "would be" in dry.stdout
    assert states(run, kept.bulk) == ["held", "held"]
    real = run("quarantine", word, kept.bulk)
    assert dry.stdout.replace("would be ", "") == real.stdout


def test_bulk_by_filter(run: Run, kept: Kept) -> None:
    """--all acts on what the filters match, and on nothing else."""
    result = run("quarantine", "release", "--all", "--reason", "bulk-visible", "--json")
    assert [one["id"] for one in lines(result)] == [kept.bulk]
    assert states(run, kept.licence) == ["held", "held"]
    result = run("quarantine", "discard", "--all", "--state", "held", "--why", "old")
    assert result.stdout == f"{kept.licence}: discarded for 2 recipients\n"
    assert run("quarantine", "discard", "--all", "--state", "held").exit_code == 1


@pytest.mark.parametrize("word", ["release", "discard"])
@pytest.mark.parametrize("words", [(), ("--all",), ("--all", "--limit", "5"), ("bulk-1", "--all", "--state", "held")])
def test_bulk_without_a_filter_is_wrong_usage(run: Run, kept: Kept, word: str, words: tuple[str, ...]) -> None:
    """Nobody releases everything by a slip."""
    assert run("quarantine", word, *words).exit_code == 2
    assert states(run, kept.bulk) == ["held", "held"]


def test_what_is_due_can_still_be_taken_back(run: Run, kept: Kept) -> None:
    """Discard calls back what nobody has begun to deliver."""
    assert run("quarantine", "discard", kept.due).exit_code == 0
    assert states(run, kept.due) == ["discarded", "discarded"]


def test_unknown_ids_end_with_1_and_the_known_are_done(run: Run, kept: Kept) -> None:
    """One slip of the pen does not stop the others."""
    result = run("quarantine", "release", "no-such", kept.bulk, "no-such")
    assert result.exit_code == 1
    assert result.stdout == f"{kept.bulk}: released for 2 recipients\n"
    assert result.stderr.count("no-such") == 1
    assert run("quarantine", "show", "no-such").exit_code == 1
    assert run("quarantine", "export", "no-such").exit_code == 1


@pytest.mark.parametrize("age", ["3", "d", "-3d", "three days"])
def test_an_age_that_is_none_is_wrong_usage(run: Run, age: str) -> None:
    """Told with an example."""
    result = run("quarantine", "list", f"--older-than={age}")
    assert result.exit_code == 2
    assert "such as 30s" in result.stderr


def test_export_is_for_its_owner_only_and_overwrites_nothing(run: Run, kept: Kept, tmp_path: Path) -> None:
    """The very bytes that came; as they would leave with --edited."""
    out = tmp_path / "one.eml"
    assert run("quarantine", "export", kept.bulk, "--out", out).exit_code == 0
    assert out.read_bytes() == MAIL
    assert out.stat().st_mode & 0o777 == 0o600
    again = run("quarantine", "export", kept.bulk, "--out", out, "--edited")
    assert again.exit_code == 2
    assert "File exists" in again.stderr
    assert out.read_bytes() == MAIL
    edited = run("quarantine", "export", kept.bulk, "--edited").stdout_bytes
    assert b"Bcc" not in edited
    assert b"one@shop" not in edited
    assert run("quarantine", "export", kept.bulk).stdout_bytes == MAIL


def test_export_does_not_write_to_a_terminal(config: Path, kept: Kept) -> None:
    """A message may hold control characters, and it is not for reading over a shoulder."""
    leader, follower = os.openpty()
    try:
        code = "from dlp_gateway.cli import main; main()"
        arguments = [sys.executable, "-c", code, "quarantine", "export", kept.bulk, "--config", str(config)]
        pid = os.posix_spawn(
            sys.executable, arguments, dict(os.environ), file_actions=[(os.POSIX_SPAWN_DUP2, follower, 1)]
        )
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(follower)
        os.close(leader)
    assert os.waitstatus_to_exitcode(status) == 2


def test_no_custody_yet_ends_with_69(run: Run) -> None:
    """The gateway makes it at its first start, nobody else."""
    result = run("quarantine", "list")
    assert result.exit_code == 69
    assert "the gateway makes it when it is first started" in result.stderr


def test_a_corrupt_custody_ends_with_69(run: Run, kept: Kept, config: Path) -> None:
    """A sentence, no traceback."""
    for file in config.parent.glob("custody.db*"):
        file.write_bytes(os.urandom(8192))
    result = run("quarantine", "list")
    assert result.exit_code == 69
    assert result.stderr.startswith("Custody cannot be used: ")


def test_a_key_that_is_missing_or_wrong_ends_with_78(run: Run, kept: Kept, config: Path) -> None:
    """Trying again does not help; the sentence says what does."""
    key = config.parent / "keys" / "custody.key"
    right = json.loads(key.read_text())
    key.chmod(0o640)
    assert run("quarantine", "list").exit_code == 78
    key.unlink()
    assert "put the key back" in run("quarantine", "list").stderr
    key.write_text(json.dumps({**right, "private": "A" * 4}))
    key.chmod(0o600)
    assert run("quarantine", "list").exit_code == 78


def test_a_wrong_configuration_ends_with_78(run: Run, config: Path) -> None:
    """With --json the problems are objects too."""
    config.write_text("listeners: []\n")
    assert run("quarantine", "list").exit_code == 78
    result = run("quarantine", "list", "--json")
    assert result.exit_code == 78
    assert all(one["problem"] for one in lines(result))


def test_delivered_ends_a_doubt_and_nothing_else(run: Run, kept: Kept) -> None:
    """What is not in doubt is left as it is, with exit status 1 and a word."""
    result = run("quarantine", "delivered", "--json", kept.bulk)
    assert result.exit_code == 1
    assert [one["recipients"] for one in lines(result)] == [0]
    assert states(run, kept.bulk) == ["held", "held"]
