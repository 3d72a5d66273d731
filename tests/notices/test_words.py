"""Every language is complete: the same keys, the same placeholders, and sentences that come out whole."""

import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from pydantic import BaseModel

from dlp_gateway import packs
from dlp_gateway.notices.words import Words, words
from dlp_gateway.policy import load
from dlp_gateway.policy.model import RESERVED
from dlp_gateway.settings.notices import LANGUAGES, Language

POLICY = load.default(("corp.example",), builtin=packs.builtin())


def texts(model: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with the place where it stands."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from texts(value, f"{path}{name}.")
        elif isinstance(value, dict):
            yield from ((f"{path}{name}.{key}", text) for key, text in value.items())
        elif isinstance(value, tuple):
            yield from ((f"{path}{name}.{key}", text) for key, text in enumerate(value))
        else:
            yield f"{path}{name}", value


def placeholders(text: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


ENGLISH = dict(texts(words("en")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_with_its_placeholders(language: Language) -> None:
    """No language says less than English, and none asks for what is not given."""
    found = dict(texts(words(language)))
    assert found.keys() == ENGLISH.keys()
    for name, text in found.items():
        wanted = placeholders(ENGLISH[name])
        if name.endswith(".one"):  # "one mail" needs no number
            assert placeholders(text) | {"count"} == wanted | {"count"}, name
        else:
            assert placeholders(text) == wanted, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_written(language: Language) -> None:
    """No text is empty, a left-over of English, or fit for more than one line."""
    for name, text in texts(words(language)):
        assert text.strip() == text != "", name
        assert text.isprintable(), name
        if language != "en" and len(text) > 30:
            assert text != ENGLISH[name], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_calls_itself(language: Language) -> None:
    """A file is not a copy of another one with the wrong name."""
    assert words(language).language == language


def explanations() -> dict[str, str]:
    """Return what each rule of each built-in pack says to authors, whether the default policy takes the pack or not."""
    found: dict[str, str] = {}
    for pack in packs.listing(packs.builtin()):
        for path in pack.rules:
            said = yaml.safe_load(path.read_text(encoding="utf-8"))
            found[said["id"]] = said.get("explanation", "")
    return found


EXPLAINED = explanations()


def test_every_built_in_rule_explains_itself() -> None:
    """Nobody whose mail is stopped is only told a rule's name."""
    assert len(EXPLAINED) >= len(POLICY.rules) > 20
    assert [rule for rule, said in EXPLAINED.items() if not said] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_are_those_of_the_rules(language: Language) -> None:
    """Each built-in rule and each reason of the gateway's own is translated, and no pack has one without a rule."""
    reasons = words(language).reasons
    assert sorted((EXPLAINED.keys() | RESERVED) - reasons.keys()) == []
    of_packs = {rule.partition(".")[0] for rule in EXPLAINED}
    left_over = reasons.keys() - EXPLAINED.keys() - RESERVED
    assert [rule for rule in left_over if rule.partition(".")[0] in of_packs] == []


def test_a_reason_says_what_the_rule_says() -> None:
    """A rule whose explanation was changed needs new translations."""
    reasons = words("en").reasons
    assert {rule: reasons[rule] for rule in EXPLAINED} == EXPLAINED


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "1 March 2026, "),
        ("de", "1. März 2026, "),
        ("fr", "1er mars 2026 à "),
        ("nl", "1 maart 2026, "),
        ("es", "1 de marzo de 2026, "),
        ("it", "1º marzo 2026, ore "),
    ],
)
def test_dates_are_written_as_people_do(language: Language, shown: str) -> None:
    """With the time and the zone of this machine."""
    noon = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    local = noon.astimezone()
    written = words(language).date(noon)
    assert written.startswith(shown)
    assert f"{local:%H:%M}" in written
    assert f"({local:%z})" in written
    assert words(language).date(noon + timedelta(days=1)) != written


def test_one_and_many() -> None:
    """A number of one is a word, and others are figures."""
    german = words("de")
    assert german.waiting.of(1) == "Für einen Empfänger wartet sie noch auf eine Prüfung."
    assert german.waiting.of(2) == "Für 2 Empfänger wartet sie noch auf eine Prüfung."


@pytest.mark.parametrize(
    ("rule", "explanation", "shown"),
    [
        ("payment.card", words("en").reasons["payment.card"], words("de").reasons["payment.card"]),
        ("payment.card", "Cards are for the tills.", "Cards are for the tills."),
        ("inspection-failed", None, words("de").reasons["inspection-failed"]),
        ("ours", "Our own rule.", "Our own rule."),
        ("ours", "", "Eine Regel der Mail-Richtlinie trifft zu (ours)."),
        ("payment.card", "", "Eine Regel der Mail-Richtlinie trifft zu (payment.card)."),
        ("gone", None, "Eine Regel der Mail-Richtlinie trifft zu (gone)."),
    ],
)
def test_a_reason_is_translated_only_if_it_is_ours(rule: str, explanation: str | None, shown: str) -> None:
    """What an operator wrote is told as he wrote it, also in a rule that is called like a built-in one."""
    german: Words = words("de")
    assert german.reason(rule, explanation) == shown
