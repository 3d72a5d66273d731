"""`dlp-gateway send-test`: what can be seen without a gateway; with one: tests/e2e/test_first_hour.py."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from dlp_gateway import packs
from dlp_gateway.cli import specimens
from dlp_gateway.cli.proof_view import print_outcomes
from dlp_gateway.cli.proofs import Outcome, Plan, Proof, Untried
from dlp_gateway.cli.specimens import SUBJECT, Author
from dlp_gateway.inspection.inspector import InspectorOptions
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import decode_field, parse
from dlp_gateway.policy import load
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.processes import policies
from dlp_gateway.simulation.replay import replaying
from tests.cli.conftest import Kept, Run

AUTHOR: Final = Author(address="postmaster@corp.example", host="gateway.corp.example", clock=datetime.now(UTC))
MINE: Final = ("me@home.example",)
MANY: Final = tuple(f"me{number}@home.example" for number in range(10))


def plan(policy: Policy, recipients: tuple[str, ...] = MINE) -> dict[str, Proof | Untried]:
    """Return what would be sent for each rule of a policy."""
    made = Plan(policy=policy, author=AUTHOR, recipients=recipients, client="127.0.0.1", login="")
    return {one.rule: one for one in made.proofs(policy.rules)}


def policy(text: str = "") -> Policy:
    """Return a policy of all packs, with more lines."""
    return load.parse(
        f"version: 1\ninside: [corp.example]\n{text}",
        "policy.yaml",
        builtin=packs.builtin(),
        kinds=policies.known_kinds(),
    )


def test_there_is_a_mail_for_every_built_in_rule() -> None:
    """But for those that look at addresses or at mail of other people and days, each with its reason."""
    found = plan(policy())
    untried = {rule: one.why for rule, one in found.items() if isinstance(one, Untried)}
    of_addresses = {rule for rule, why in untried.items() if "it looks at the addresses of author" in why}
    assert of_addresses == {
        "blind-recipients",
        "blind-recipients.quoted",
        "redistribution",
        "solicitation.reply",
        "wrong-recipient.lookalike",
        "wrong-recipient.lookalike-identifier",
        "wrong-recipient.own-copy",
        "wrong-recipient.own-copy-identifier",
    }
    of_earlier_mail = {rule for rule, why in untried.items() if "it looks at more than one mail: at" in why}
    assert of_earlier_mail == {
        "answers.storm",
        "exposure.accounts",
        "exposure.identities",
        "exposure.window",
        "exposure.written",
        "second-strike.held",  # the default policy rewrites the mass mail
        "unfamiliar-recipient.first-time",
        "unfamiliar-recipient.look-alike",
        "unfamiliar-recipient.twin",
    }
    of_records = {rule for rule, why in untried.items() if "it looks for records of your own" in why}
    assert of_records == {"own-records", "own-records.list"}
    # A document is recognised by its text, which takes the extra `ocr`; its cases are no whole mails.
    of_pictures = {"unreadable.identity-picture"}
    unseen = of_pictures | of_records
    assert set(untried) - of_addresses - of_earlier_mail == {"answers.carrying", "reply-all"} | unseen
    assert "a mass mail that was held or refused" in untried["second-strike.held"]
    assert "it needs an answer to 3 outsiders" in untried["answers.carrying"]
    assert "it needs an answer to 10 outsiders" in untried["reply-all"]
    many = plan(policy(), MANY)
    assert {rule for rule, one in many.items() if isinstance(one, Untried)} == of_addresses | of_earlier_mail | unseen
    befores = {rule: len(one.before) for rule, one in many.items() if isinstance(one, Proof) and one.before}
    assert befores == {"answers.carrying": 1, "reply-all": 1, "second-strike": 1}


def test_a_rule_that_one_mail_can_meet_is_tried_though_it_may_look_back() -> None:
    """Either finding will do, so the one that needs no earlier mail is shown; where both are needed it is named."""
    either, both = (
        plan(
            policy(
                f"packs: [payment]\nrules:\n- {{id: own, then: refuse, when: {{{how}: [{{finding: sent.CREDIT_CARD}}, "
                "{finding: identifier.CREDIT_CARD}]}}\n"
            )
        )["own"]
        for how in ("any", "all")
    )
    assert isinstance(either, Proof)
    assert isinstance(both, Untried)
    assert "it looks at more than one mail: at all numbers that a sender sends" in both.why


def test_a_second_attempt_needs_a_first_that_is_stopped() -> None:
    """Where the policy lets mass mails pass, nothing is a second attempt at one."""
    found = plan(policy("packs: [second-strike]\n"))["second-strike"]
    assert isinstance(found, Untried)
    assert "this policy lets the one pass" in found.why
    holding = plan(policy("packs: [bulk-visible, second-strike]\nset: {bulk-visible.action: review}\n"))
    assert {rule for rule, one in holding.items() if isinstance(one, Proof) and one.before} == {
        "second-strike",
        "second-strike.held",
    }


@pytest.mark.parametrize("mode", ["enforce", "observe"])
async def test_no_sample_spoils_another(mode: str) -> None:
    """Sent twice, one after the other, through one memory, each becomes what was planned: none is a second attempt."""
    of = policy(f"mode: {mode}\n")
    outcomes = []
    async with replaying(of, InspectorOptions(), hops=50) as replay:
        for _ in range(2):
            for proof in plan(of, MANY).values():
                for one in (*proof.before, proof) if isinstance(proof, Proof) else ():
                    judged = await replay.judge(envelope(MANY), one.content)
                    outcomes.append((one, judged))
    assert [
        (one.rule, one.title, judged.disposition.label, *judged.reasons)
        for one, judged in outcomes
        if judged.disposition is not one.expected.disposition
        or (one.rule and one.rule not in judged.reasons | judged.observed)
    ] == []


def envelope(recipients: tuple[str, ...]) -> Envelope:
    """Return the envelope with which a sample comes."""
    return Envelope(
        id=new_id(),
        reverse_path=AUTHOR.address,
        recipients=recipients,
        client="127.0.0.1",
        login="",
        body_8bit=True,
        smtputf8=False,
        received_at=datetime.now(UTC),
    )


def test_the_header_is_ours_and_names_no_stranger() -> None:
    """An unmistakable subject, the author who was told, a fresh id; in To and Cc only reserved names."""
    planned = plan(policy(), MANY)
    found = [proof for proof in planned.values() if isinstance(proof, Proof)]
    ids = set()
    for proof in found:
        message = parse(proof.content)
        ids.add(proof.message_id)
        assert [field.body for field in message.named("From")] == [b"postmaster@corp.example"]
        assert decode_field(message.named("Subject")[0].body).startswith(f"{SUBJECT} ")
        assert len(message.named("Subject")) == len(message.named("Date")) == len(message.named("Message-ID")) == 1
        assert message.named("Auto-Submitted")[0].body == b"auto-generated"
        assert [one.address for one in message.visible if not one.address.endswith((".example", "@corp.example"))] == []
    assert len(ids) == len(found)


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_what_is_expected_follows_the_policy(mode: str) -> None:
    """A bound that was raised is met, an action that was changed is expected, and observe mode holds nothing."""
    found = plan(policy(f"mode: {mode}\nset: {{bulk-visible.outsiders: 60, bulk-visible.action: review}}\n"))
    bulk, card = found["bulk-visible"], found["payment.card"]
    assert isinstance(bulk, Proof)
    assert isinstance(card, Proof)
    assert len(parse(bulk.content).visible) == 60
    assert (bulk.would, card.would) == (Disposition.HOLD, Disposition.HOLD)
    expected = Disposition.HOLD if mode == "enforce" else Disposition.FORWARD
    assert (bulk.expected.disposition, card.expected.disposition) == (expected, expected)


def test_what_would_become_of_a_mail_leaves_out_rules_that_only_count(capsys: pytest.CaptureFixture[str]) -> None:
    """Under `mode: enforce` an account number is counted as before, so nobody is told that its mail would be held."""
    observing = policy("mode: observe\npacks: [payment]\n")
    found = plan(observing)
    account, card = found["payment.account"], found["payment.card"]
    assert isinstance(account, Proof)
    assert isinstance(card, Proof)
    assert (account.would, card.would) == (Disposition.FORWARD, Disposition.HOLD)
    outcomes = tuple(Outcome(proof=one, reply="250 2.0.0 ok", entry=observed(one)) for one in (account, card))
    print_outcomes(outcomes, (), observing, keep=False)
    told = capsys.readouterr().out
    assert "forward, because of payment.account only counted, in any mode" in told
    assert "forward (would hold), because of payment.card only observed" in told
    assert "All 2 samples came out as the policy says.\nObserve mode: nothing was held or changed." in told
    print_outcomes(outcomes[:1], (Untried(rule="reply-all", why="it looks back"),), observing, keep=False)
    assert "The sample came out as the policy says; 1 rule was not tried.\n" in capsys.readouterr().out
    held = replace(outcomes[1], entry=replace(observed(card), disposition=Disposition.HOLD))
    print_outcomes((held,), (), observing, keep=False)
    assert "nothing was held" not in capsys.readouterr().out


def observed(proof: Proof) -> Entry:
    """Return the journal's entry of a mail that passed while its rule only observed."""
    return Entry(
        id="x",
        message_id=proof.message_id,
        received_at=AUTHOR.clock,
        reverse_path=AUTHOR.address,
        client="127.0.0.1",
        login="",
        disposition=Disposition.FORWARD,
        reasons=(),
        observed=(proof.rule,),
        findings=(),
        passages=(Passage(recipient=MINE[0], shown=(), outcome="forwarded", reply="250 2.0.0 ok"),),
    )


def test_a_rule_of_the_policys_own_is_shown_by_any_packs_mail() -> None:
    """It has no cases; a mail that it matches will do. One that no mail matches is named."""
    found = plan(
        policy(
            "packs: [payment]\nrules:\n- {id: own, when: {finding: identifier.CREDIT_CARD, count: 1}, then: refuse}\n"
            "- {id: many, when: {finding: identifier.CREDIT_CARD, count: 500}, then: refuse}\n"
        )
    )
    assert isinstance(found["own"], Proof)
    assert isinstance(found["many"], Untried)
    assert "mails in the packs' cases matches it" in found["many"].why


def test_an_insider_sees_why_rules_do_not_match() -> None:
    """They excuse mail between colleagues, and the sentence says what to do."""
    found = plan(policy(), ("me@corp.example",))
    untried = found["payment.card"]
    assert isinstance(untried, Untried)
    assert untried.why == "it excuses mail to insiders; give an address outside with --to"


def test_what_came_out_wrong_is_told() -> None:
    """Each way in which a sample can go wrong has its sentence."""
    proof = plan(policy())["bulk-visible"]
    assert isinstance(proof, Proof)

    def entry(disposition: Disposition, reasons: tuple[str, ...], shown: tuple[str, ...], outcome: str) -> Entry:
        passage = Passage(recipient=MINE[0], shown=shown, outcome=outcome, reply="550 5.1.1 no such user")
        return Entry(
            id="x",
            message_id=proof.message_id,
            received_at=AUTHOR.clock,
            reverse_path=AUTHOR.address,
            client="127.0.0.1",
            login="",
            disposition=disposition,
            reasons=reasons,
            observed=(),
            findings=(),
            passages=(passage,),
        )

    def problem(found: Entry | None) -> str:
        return Outcome(proof=proof, reply="554 5.7.1 no", entry=found).problem

    rewrite, rule = Disposition.REWRITE, ("bulk-visible",)
    assert problem(None) == "it did not get in; the gateway said: 554 5.7.1 no"
    assert problem(entry(Disposition.FORWARD, rule, (), "forwarded")) == "expected rewrite"
    assert problem(entry(rewrite, ("another",), (), "forwarded")) == "bulk-visible did not match"
    assert problem(entry(rewrite, rule, (), "refused")) == "the smarthost said: 550 5.1.1 no such user"
    assert problem(entry(rewrite, rule, (parse(proof.content).visible[0].address,), "forwarded")) == (
        "a stranger still sees another stranger"
    )
    assert problem(entry(rewrite, rule, (AUTHOR.address,), "forwarded")) == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say with --to where test mail may go"),
        (("--to", "not an address"), "This is no mail address"),
        (("--to", "a@home.example", "--from", "x@elsewhere.example"), "x@elsewhere.example is not inside"),
        (("--to", "a@home.example", "--rule", "payment.crad"), "did you mean 'payment.card'?"),
        (("--to", "a@home.example", "--listener", "127.0.0.1:1"), "there are: 127.0.0.1:2525."),
        (("--to", "a@home.example", "--password-file", "x"), "--password-file belongs to --login."),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit 2 and a sentence."""
    result = run("send-test", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_gateway_that_does_not_run(run: Run, kept: Kept) -> None:
    """Exit 69, and the command that tells more; nothing was changed in custody."""
    result = run("send-test", "--to", "a@home.example")
    assert result.exit_code == 69
    assert "nobody listens there. Is the gateway running" in result.stderr


def test_before_the_first_start(run: Run) -> None:
    """There is no journal to look into yet."""
    result = run("send-test", "--to", "a@home.example")
    assert result.exit_code == 69
    assert "the gateway makes it when it is first started" in result.stderr


def test_specimens_of_an_operators_pack_count(run: Run) -> None:
    """Rules are found by their pack's folder, so those of a pack of one's own are shown by its own cases."""
    found = [rule for rule in policy().rules if rule.rule.id == "payment.card"]
    titles = [one.title for one in specimens.of_rule(found[0], policy())]
    assert "a test card number in HTML, with odd blanks" in titles
