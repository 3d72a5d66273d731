"""`dlp-gateway scan`: what would become of one message."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run, lines

ARGUMENTS = ("scan", "--from", "ann@corp.example", "--to", "one@shop.example")
CLEAN = b"From: ann@corp.example\nTo: one@shop.example\nSubject: Hello\n\nHello One\n"
LICENCE = CLEAN.replace(b"Hello One", b"my driver's license number is I1234562 (California)")
MANY = tuple(f"c{number}@shop{number}.example" for number in range(12))
BULK = b"From: ann@corp.example\nTo: " + ",\n ".join(MANY).encode() + b"\nBcc: boss@corp.example\n\nDear all\n"


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Where a message lies."""
    return tmp_path / "mail.eml"


def test_a_clean_mail_is_forwarded(run: Run, mail: Path) -> None:
    """One object with the names of the contract, nothing found."""
    mail.write_bytes(CLEAN)
    (shown,) = lines(run(*ARGUMENTS, "--json", mail))
    assert {"disposition", "reasons", "findings", "unreadable"} <= set(shown)
    assert (shown["disposition"], shown["reasons"], shown["unreadable"]) == ("forward", [], [])
    assert [found for found in shown["findings"] if found["kind"].startswith("identifier")] == []


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_licence_is_held_and_its_place_is_in_code_points(run: Run, mail: Path, newline: bytes) -> None:
    """A file with bare LF is read as it would come over the wire; the number itself is nowhere."""
    mail.write_bytes(LICENCE.replace(b"\n", newline))
    result = run(*ARGUMENTS, "--json", mail)
    (shown,) = lines(result)
    assert result.exit_code == 0
    assert (shown["disposition"], shown["reasons"]) == ("hold", ["identity-documents.licence"])
    (found,) = [one for one in shown["findings"] if one["kind"] == "identifier.DRIVER_LICENSE"]
    assert {"kind", "detector", "rule", "count", "score", "where"} <= set(found)
    assert found["where"] == "part:1:30-38"
    assert "I1234562" not in result.stdout


def test_standard_input_and_another_reader(run: Run) -> None:
    """`-` reads standard input; without --json it is told in sentences."""
    result = run(*ARGUMENTS, "-", stdin=LICENCE)
    assert result.exit_code == 0
    assert result.stdout.startswith("hold\n  because of identity-documents.licence: ")
    assert "part:1:30-38" in result.stdout


def test_out_writes_the_mail_as_it_would_leave(run: Run, mail: Path, tmp_path: Path) -> None:
    """Outsiders and Bcc are gone, the body is the same, the file is for its owner only."""
    mail.write_bytes(BULK)
    out = tmp_path / "out.eml"
    recipients = [word for address in MANY for word in ("--to", address)]
    (shown,) = lines(run("scan", "--from", "ann@corp.example", *recipients, "--json", "--out", out, mail))
    assert (shown["disposition"], shown["reasons"], shown["hidden"]) == ("rewrite", ["bulk-visible"], 12)
    written = out.read_bytes()
    assert written == b"From: ann@corp.example\r\nTo: ann@corp.example\r\n\r\nDear all\r\n"
    assert out.stat().st_mode & 0o777 == 0o600


def test_an_attachment_is_told_as_unreadable(run: Run, mail: Path) -> None:
    """With part, type and reason."""
    mail.write_bytes(
        b"From: ann@corp.example\nTo: one@shop.example\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n"
        b"--x\nContent-Type: text/plain\n\nsee there\n--x\nContent-Type: application/pdf\n\n\0PDF-\n--x--\n"
    )
    (shown,) = lines(run(*ARGUMENTS, "--json", mail))
    assert shown["unreadable"] == [{"part": "2", "type": "application/pdf", "reason": "attachment"}]
    assert shown["disposition"] == "forward"


def test_a_rewrite_that_leaves_an_address_behind_is_held(run: Run, mail: Path) -> None:
    """`scan` looks at the result again, as the gateway does."""
    mail.write_bytes(BULK.replace(b"\n\n", b"\nX-Original-List: " + MANY[3].encode() + b"\n\n"))
    recipients = [word for address in MANY for word in ("--to", address)]
    (shown,) = lines(run("scan", "--from", "ann@corp.example", *recipients, "--json", mail))
    assert shown["disposition"] == "hold"
    assert "rewrite-incomplete" in shown["reasons"]


@pytest.mark.parametrize("arguments", [("missing.eml",), (".",), ("--out", "no/such/folder", "-")])
def test_files_that_cannot_be_used_end_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    """A sentence, no traceback."""
    result = run(*ARGUMENTS, *arguments, stdin=CLEAN)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_a_wrong_configuration_ends_with_78(run: Run, config: Path) -> None:
    """Nothing is judged under half a policy."""
    (config.parent / "policy.yaml").unlink()
    assert run(*ARGUMENTS, "-", stdin=CLEAN).exit_code == 78


def test_control_characters_of_a_mail_do_not_reach_the_terminal(run: Run) -> None:
    """Types, names and addresses come from the author."""
    hostile = CLEAN.replace(b"Subject", b"Content-Type: \x1b[2J/\x1b]0;x\x07; charset=\x1b[2J\nSubject")
    for arguments in ((), ("--json",)):
        result = run(*ARGUMENTS, *arguments, "-", stdin=hostile)
        assert result.exit_code == 0
        assert "\x1b" not in result.stdout + result.stderr


def test_out_writes_over_nothing(run: Run, mail: Path) -> None:
    """Not over the mail that it reads, above all."""
    mail.write_bytes(CLEAN)
    result = run(*ARGUMENTS, "--out", mail, mail)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {mail}: File exists.\n"
    assert mail.read_bytes() == CLEAN


def test_out_to_standard_output_is_the_mail_alone(run: Run, tmp_path: Path) -> None:
    """The verdict goes to standard error, in sentences or as JSON."""
    for options, told in (((), "forward\n"), (("--json",), '{"disposition": "forward"')):
        result = run(*ARGUMENTS, "--out", "-", *options, "-", stdin=CLEAN)
        assert result.stdout_bytes == CLEAN.replace(b"\n", b"\r\n")
        assert result.stderr.startswith(told)
    assert not (tmp_path / "-").exists()


def test_what_the_door_would_not_take_is_said(run: Run, config: Path) -> None:
    """Whatever the rules say of it: it never gets so far."""
    config.write_text(config.read_text() + "limits: {message_size: 64KB}\n")
    large = CLEAN + b"x" * 64_000
    result = run(*ARGUMENTS, "-", stdin=large)
    assert (
        "more than limits.message_size, 64000: the gateway refuses it at the door, with 552 5.3.4.\n" in result.stdout
    )
    for content, too_big in ((large, True), (CLEAN, False)):
        (shown,) = lines(run(*ARGUMENTS, "--json", "-", stdin=content))
        assert shown["too_big"] is too_big


def test_a_part_that_clients_read_in_two_ways_says_so(run: Run) -> None:
    """Who sees it listed twice knows why; what is no other reading is listed once."""
    told = run(*ARGUMENTS, "-", stdin=b"hello there\nthis is no header, but text\n\nHello\n").stdout
    parts = [line.strip() for line in told.splitlines() if line.strip().startswith("part ")]
    assert [line.partition(":")[0] for line in parts] == [
        "part 0 [text] text/plain (shown by some clients only)",
        "part 1 [text] text/plain",
        "part 1 [text] text/plain (the same, as other clients read it)",
    ]


@pytest.mark.parametrize("address", ["", "foo", "\x1b[2J@corp.example"])
def test_an_address_that_is_none_is_refused(run: Run, address: str) -> None:
    """A verdict for nobody would be believed; nor does it reach the terminal. A DSN's sender is empty."""
    for option, other in (("--to", "--from"), ("--from", "--to")):
        result = run("scan", option, address, other, "ann@corp.example", "-", stdin=CLEAN)
        assert result.exit_code == (0 if (option, address) == ("--from", "") else 2)
        assert "\x1b" not in result.output
