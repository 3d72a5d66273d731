"""Every case of every built-in pack, and ordinary mail that must yield nothing: through the gateway's own detectors."""

from collections import Counter
from functools import lru_cache

import pytest

from dlp_gateway import packs
from dlp_gateway.detect.edm import naming
from dlp_gateway.policy import load, pack
from dlp_gateway.policy.cases import CaseResult, check_folder
from dlp_gateway.processes import policies


@lru_cache(maxsize=1)
def results() -> tuple[CaseResult, ...]:
    """Check all cases once."""
    return tuple(check_folder(packs.builtin(), policies.inspect))


@pytest.mark.parametrize("folder", [*pack.names(packs.builtin()), "corpus-clean"])
def test_all_cases_come_out_as_they_say(folder: str) -> None:
    """Hits hit, misses miss, whole mails get their verdict and leave as their expected copy shows."""
    own = [result for result in results() if result.case.startswith(f"{folder}/")]
    assert own
    assert [f"{result.case}: {result.problem}" for result in own if not result.passed] == []


def test_every_pack_has_whole_mails_and_the_corpus_is_large() -> None:
    """Each pack shows itself on whole mails; forty ordinary mails or more must pass untouched."""
    mails = Counter(result.case.partition("/")[0] for result in results() if ".eml" in result.case)
    assert set(mails) == {*pack.names(packs.builtin()), "corpus-clean"}
    assert mails["corpus-clean"] >= 40


def test_built_in_packs_are_the_documented_ones() -> None:
    """The names that policies use."""
    assert pack.names(packs.builtin()) == (
        *("answers", "blind-recipients", "bulk-visible", "exposure", "identity-documents", "own-records", "payment"),
        *(
            "redistribution",
            "reply-all",
            "second-strike",
            "sensitive-audience",
            "solicitation",
            "unfamiliar-recipient",
            "unreadable",
        ),
        "wrong-recipient",
    )


def test_built_in_rules_ask_for_kinds_that_detectors_report() -> None:
    """No built-in rule waits for something that nobody measures."""
    policy = load.default(("corp.example",), builtin=packs.builtin())
    asked = {kind for rule in policy.rules for kind, _ in rule.rule.when.kinds()}
    known = policies.known_kinds()
    families = {f"{kind.rpartition('.')[0]}.*" for kind in known} | {f"{family}.*" for family in naming.FAMILIES}
    assert asked - known - families == set()


def test_no_built_in_rule_asks_for_absence() -> None:
    """`none` is the one word by which more findings make a verdict milder."""
    rules = load.default(("corp.example",), builtin=packs.builtin()).rules
    assert [rule.rule.id for rule in rules if '"none":[' in rule.rule.when.model_dump_json()] == []
