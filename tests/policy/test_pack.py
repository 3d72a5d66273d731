"""The format of a pack: what can be set, and what pack.yaml must say."""

from pathlib import Path

import pytest

from dlp_gateway import document, packs
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy import pack
from dlp_gateway.policy.model import BUILTIN_ACTIONS
from dlp_gateway.policy.pack import PackFile, Parameter

HEAD = "id: ours\ntitle: Ours\nversion: 1\nprotects: Us.\n"


@pytest.mark.parametrize(
    ("parameter", "name", "value", "complaint"),
    [
        (Parameter(default=10, least=2, description="x"), "outsiders", 2, ""),
        (Parameter(default=10, least=2, description="x"), "outsiders", 1, "This must be 2 or more."),
        (Parameter(default=10, description="x"), "outsiders", "20", "A whole number is needed here."),
        (Parameter(default=10, description="x"), "outsiders", True, "A whole number is needed here."),
        (Parameter(default=10, description="x"), "outsiders", None, "A whole number is needed here."),
        (Parameter(default="a", choices=("a", "b"), description="x"), "mode", "b", ""),
        (
            Parameter(default="a", choices=("a", "b"), description="x"),
            "mode",
            "c",
            "This is not possible here; known are: a, b.",
        ),
        (Parameter(default="a", description="x"), "word", 3, "A text is needed here."),
        (Parameter(default="a", description="x"), "word", "anything", ""),
        (Parameter(default="hide", description="x"), "action", "hide", ""),
        (
            Parameter(default="hide", description="x"),
            "second-action",
            "hied",
            "There is no such action; did you mean 'hide'?",
        ),
    ],
)
def test_what_is_set_is_checked_against_the_parameter(
    parameter: Parameter, name: str, value: object, complaint: str
) -> None:
    """Numbers have a least value, texts may have choices, actions must exist."""
    assert parameter.complaint(name, value, {"hide", "review"}) == complaint


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{mode: {default: c, choices: [a, b], description: x}}", "The default of 'mode' is not among its `choices`."),
        (
            "{mode: {default: 1, choices: [a, b], description: x}}",
            "The parameter 'mode' has `choices`, so its default must be a text.",
        ),
        ("{mode: {default: 1}}", "The key 'description' is missing: What it means."),
        (
            "{Mode: {default: 1, description: x}}",
            "A name consists of a-z, 0-9 and '-', 40 at most, such as bulk-visible.",
        ),
    ],
)
def test_parameters_that_cannot_work_are_problems(parameters: str, message: str) -> None:
    """A pack that contradicts itself is not loaded."""
    with pytest.raises(ConfigurationError) as caught:
        document.parse(f"{HEAD}parameters: {parameters}\n", PackFile, "pack.yaml")
    assert [problem.message for problem in caught.value.problems] == [message]


def test_rule_ids_follow_from_pack_and_file() -> None:
    """A reason leads to its file."""
    assert pack.rule_id("reply-all", Path("reply-all.yaml")) == "reply-all"
    assert pack.rule_id("payment", Path("card.yaml")) == "payment.card"


@pytest.mark.parametrize("name", pack.names(packs.builtin()))
def test_built_in_packs_can_be_set_in_every_parameter(name: str) -> None:
    """Every parameter that a pack declares is used by one of its rules, and has a default that it would accept."""
    one = pack.read(packs.builtin() / name)
    written = "".join(document.read(path) for path in one.rules)
    actions = set(BUILTIN_ACTIONS)
    for parameter, declared in one.file.parameters.items():
        assert f"${parameter}" in written
        assert declared.complaint(parameter, declared.default, actions) == ""
