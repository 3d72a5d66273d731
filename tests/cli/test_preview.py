"""`scan --preview` and `quarantine show --preview`: the mail as each kind of recipient will see it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway import settings
from dlp_gateway.mail.edit import PruneOutsiders, RemoveBcc, to_json
from dlp_gateway.processes import composition
from quarantine.model import CopyDeposit, Deposit, State
from tests.cli.conftest import MAIL, Kept, Run, lines

PEOPLE = tuple(f"c{number}@shop{number}.example" for number in range(11))
BULK = (
    b"From: ann@corp.example\nTo: " + ",\n ".join(PEOPLE).encode() + b"\nCc: dora@corp.example\n"
    b"Subject: Offer\n\nDear \x1b[2Jall\n"
)
TO = [word for address in (*PEOPLE, "dora@corp.example", "blind@far.example") for word in ("--to", address)]


@pytest.fixture
def mail(config: Path) -> Path:
    """A mail to eleven people outside, under a policy that splits."""
    (config.parent / "policy.yaml").write_text(
        "version: 1\ninside: [corp.example]\nset: {bulk-visible.action: split}\n"
    )
    path = config.parent / "mail.eml"
    path.write_bytes(BULK)
    return path


def test_scan_shows_each_kind_once(run: Run, mail: Path) -> None:
    """Insiders, the first of eleven outsiders, the blind recipient: header, text and what changed."""
    (shown,) = lines(run("scan", "--from", "ann@corp.example", *TO, "--preview", "--json", mail))
    assert (shown["disposition"], shown["copies"], shown["hidden"]) == ("rewrite", 13, 11)
    assert [(view["who"], view["recipients"], view["alike"]) for view in shown["preview"]] == [
        (["inside"], ["dora@corp.example"], 0),
        (["outside"], ["c0@shop0.example"], 10),
        (["blind"], ["blind@far.example"], 0),
    ]
    insider, outsider, blind = shown["preview"]
    assert insider["diff"] == []
    assert "To: c0@shop0.example" in outsider["header"]
    assert "To: ann@corp.example" in blind["header"]
    assert "+To: c0@shop0.example" in outsider["diff"]
    assert "- c10@shop10.example" in outsider["diff"]
    assert outsider["text"] == [{"where": "part:1", "text": "Dear ?[2Jall"}]


def test_scan_tells_it_in_words(run: Run, mail: Path) -> None:
    """No control character of the mail reaches the terminal, and without one there are no colours."""
    told = run("scan", "--from", "ann@corp.example", *TO, "--preview", mail).stdout
    assert "11 people would be hidden from each other, in 13 copies" in told
    assert "outside (1, and 10 more with a copy each, alike but for the address):" in told
    assert "    +To: c0@shop0.example" in told
    assert "\x1b" not in told


def test_mail_that_is_not_split_is_one_view(run: Run, config: Path) -> None:
    """All kinds see the same: they are told together."""
    (config.parent / "mail.eml").write_bytes(BULK)
    (shown,) = lines(run("scan", "--from", "ann@corp.example", *TO, "--preview", "--json", "mail.eml"))
    assert [(view["who"], len(view["recipients"])) for view in shown["preview"]] == [
        (["blind", "inside", "outside"], 13)
    ]


def test_out_is_the_first_recipients_copy(run: Run, mail: Path) -> None:
    """A mail that is split has no other single form."""
    run("scan", "--from", "ann@corp.example", *TO, "--out", "out.eml", mail)
    assert b"\r\nTo: c0@shop0.example\r\n" in (mail.parent / "out.eml").read_bytes()


def test_quarantine_shows_what_would_leave(run: Run, kept: Kept) -> None:
    """The text is shown only when asked for."""
    assert "secret text" not in run("quarantine", "show", kept.bulk).stdout
    (shown,) = lines(run("quarantine", "show", kept.bulk, "--preview", "--json"))
    (view,) = shown["preview"]
    assert view["who"] == ["outside"]
    assert "To: two@clinic.example" in view["header"]
    assert view["text"] == [{"where": "part:1", "text": "secret text ?[2J"}]
    told = run("quarantine", "show", kept.bulk, "--preview").stdout
    assert "outside (2):" in told
    assert "\x1b" not in told


@pytest.fixture
def split(config: Path) -> str:
    """Put a mail into custody that is split into a copy for insiders and one for each of five outsiders."""
    now = datetime.now(UTC)
    people = tuple(f"p{number}@home{number}.example" for number in range(5))

    def copy(*recipients: str) -> CopyDeposit:
        prune = PruneOutsiders(inside=("corp.example",), kept=recipients, to="ann@corp.example")
        edits = (RemoveBcc(), *((prune,) if recipients[0] in people else ()))
        return CopyDeposit(
            reverse_path="ann@corp.example",
            recipients=recipients,
            edits=to_json(edits),
            options="{}",
            state=State.HELD,
            due_at=now,
        )

    deposit = Deposit(
        id="split-1",
        content=MAIL.replace(b"One <one@shop.example>, two@clinic.example", ", ".join(people).encode()),
        subject="Offer",
        reverse_path="ann@corp.example",
        reasons=("bulk-visible",),
        group="",
        created_at=now,
        expires_at=now + timedelta(days=14),
        copies=(copy("dora@corp.example", "boss@corp.example"), *(copy(person) for person in people)),
    )

    async def fill() -> None:
        read = settings.load(config)
        key = await composition.prepared_custody(read)
        store = await composition.custody(read, key.public, key)
        await store.take((deposit,))
        await store.close()

    asyncio.run(fill())
    return "split-1"


def test_quarantine_shows_some_copies_and_counts_the_rest(run: Run, split: str) -> None:
    """A mail to thousands does not fill the screen; as JSON all are there."""
    told = run("quarantine", "show", split).stdout
    assert told.count("leaves, for") == 3
    assert "… and in 3 more copies (--json, --preview)" in told
    (shown,) = lines(run("quarantine", "show", split, "--json"))
    assert [len(copy["recipients"]) for copy in shown["copies"]] == [2, 1, 1, 1, 1, 1]


def test_export_asks_whose_copy(run: Run, split: str) -> None:
    """There are six edited forms; each recipient has one of them."""
    refused = run("quarantine", "export", split, "--edited")
    assert refused.exit_code == 2
    assert "It is split into 6 copies; say whose you want with --recipient." in refused.stderr
    unknown = run("quarantine", "export", split, "--edited", "--recipient", "x@y.example")
    assert (unknown.exit_code, "It is for nobody of that address" in unknown.stderr) == (2, True)
    exported = run("quarantine", "export", split, "--edited", "--recipient", "p3@home3.example").stdout_bytes
    assert b"\r\nTo: p3@home3.example\r\n" in exported
    assert b"p2@" not in exported


def test_views_are_json(run: Run, split: str) -> None:
    """One object on one line, as everything is."""
    result = run("quarantine", "show", split, "--preview", "--json")
    assert [view["who"] for view in json.loads(result.stdout)["preview"]] == [["blind"], ["outside"]]
