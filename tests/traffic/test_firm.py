"""A month of ordinary mail through the whole line, with the default policy, the real journal and the real custody."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from dlp_gateway import packs
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector, Facts, Inspection
from dlp_gateway.inspection.measuring import measure
from dlp_gateway.journal import Query, migrations, open_journal
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.processes import policies
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from quarantine.opening import open_store
from tests.fakes import ScriptedSmarthost
from tests.traffic.firm import HOME, Firm, Sending

URL: Final = "sqlite:///custody.db"
#: A gateway writes what it learns at most a second late; so much of the firm's time may pass meanwhile here.
_LATE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """The inspector of commands as the port, with detectors that are built once."""

    detectors: tuple[Detector, ...]

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return measure(self.detectors, envelope, message, facts)


def envelope(mail: Sending) -> Envelope:
    """Return the transaction in which the firm's mail server hands a mail over."""
    return Envelope(
        id=new_id(),
        reverse_path=mail.reverse_path,
        recipients=mail.recipients,
        client="192.0.2.1",
        login="",
        body_8bit=True,
        smtputf8=False,
        received_at=mail.at,
    )


@pytest.mark.slow
async def test_a_month_of_ordinary_mail_passes_untouched(tmp_path: Path) -> None:
    """At most one mail in two hundred is held, delayed, changed or refused."""
    policy = load.default((HOME,), builtin=packs.builtin())
    key = PrivateKey.generate()
    await migrate(URL, folder=tmp_path)
    await migrations.migrate(URL, folder=tmp_path)
    journal = await open_journal(URL, key.public, key, folder=tmp_path)
    store = await open_store(URL, key.public, key, folder=tmp_path)
    pipeline = Pipeline(
        policy=policy,
        inspector=InPlace(detectors=registry.build(policies.recipe(policy))),
        smarthost=ScriptedSmarthost(),
        custody=store,
        journal=journal,
        hostname="gw.corp.example",
        smarthost_name="mta.example",
        hop_limit=50,
    )
    kinds: dict[str, str] = {}
    mails = tuple(Firm().mails())
    learned = mails[0].at
    for mail in mails:
        if mail.at - learned >= _LATE:
            await journal.flush()
            learned = mail.at
        sent = envelope(mail)
        kinds[sent.id] = mail.kind
        await pipeline.process(sent, mail.content)
    await journal.flush()
    entries = await journal.entries(Query(limit=len(kinds)))
    touched = [entry for entry in entries if entry.disposition is not Disposition.FORWARD]
    why = Counter((kinds[entry.id], entry.disposition.label, entry.reasons) for entry in touched)
    await journal.close()
    await store.close()
    assert len(entries) == len(mails)
    assert len(touched) <= 0.005 * len(entries), why.most_common()
