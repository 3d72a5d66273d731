"""Packs of the operator's own, beside the policy: found, and told where they are wrong."""

from pathlib import Path
from typing import Final

from dlp_gateway import packs
from dlp_gateway.policy import load
from tests.policy.test_load import KINDS, problems

PACK: Final = {
    "pack.yaml": (
        "id: ours\ntitle: Ours\nversion: 1\nprotects: Us.\n"
        "parameters: {limit: {default: 2, description: How many.}, action: {default: review, description: What.}}\n"
    ),
    "ours.yaml": "id: ours\nwhen: {finding: identifier.IBAN, count: $limit}\nthen: $action\n",
    "ours.cases.yaml": "hits: []\n",
    "pattern.yaml": "# a rule of detection, which is none of policy's business\npattern: x\n",
}


def write_pack(folder: Path, **changes: str) -> Path:
    """Write the pack "ours" below `folder`, with some files changed."""
    pack = folder / "ours"
    pack.mkdir()
    for name, text in {**PACK, **{f"{key.replace('__', '.')}.yaml": value for key, value in changes.items()}}.items():
        (pack / name).write_text(text)
    return pack


def test_pack_of_the_operators_own_is_found_beside_the_policy(tmp_path: Path) -> None:
    """A name with a slash is a folder, relative to the file in which it stands."""
    folder = write_pack(tmp_path)
    path = tmp_path / "policy.yaml"
    path.write_text("{version: 1, inside: [corp.example], packs: [./ours, reply-all], set: {ours.limit: 5}}\n")
    policy = load.load(path, builtin=packs.builtin(), kinds=KINDS)
    assert [(rule.pack, rule.rule.id, rule.rule.when.count) for rule in policy.rules] == [
        ("ours", "ours", 5),
        ("reply-all", "reply-all", 10),
    ]
    assert load.pack_folders(path, builtin=packs.builtin()) == policy.folders == (folder, packs.builtin() / "reply-all")


def test_problems_of_packs_are_told_with_those_of_the_policy(tmp_path: Path) -> None:
    """Each problem names the file it stands in."""
    folder = write_pack(
        tmp_path,
        pack="id: other\ntitle: Ours\nversion: one\nprotects: Us.\n",
        ours="id: theirs\nwhen: {finding: identifier.IBAN, count: $limt}\nthen: $action\n",
    )
    second = tmp_path / "second"
    second.mkdir()
    (second / "pack.yaml").write_text(PACK["pack.yaml"].replace("id: ours", "id: second"))
    (second / "ours.yaml").write_text(PACK["ours.yaml"].replace("$limit", "$limt"))
    text = "{version: 1, inside: [], packs: [./ours, ./second]}\n"
    assert problems(text, str(tmp_path / "policy.yaml")) == [
        f"{folder}/pack.yaml:3:10: A whole number is needed here.",
        f"{tmp_path}/policy.yaml:1:22: At least 1 must stand here.",
        f"{second}/ours.yaml:2:41: The pack has no such parameter; it has: action, limit.",
    ]


def test_names_of_pack_rule_and_files_agree(tmp_path: Path) -> None:
    """The id of a pack is its folder's name, the id of a rule follows from its file's."""
    folder = write_pack(tmp_path, ours="id: theirs\nwhen: {finding: identifier.IBAN}\nthen: review\n")
    text = "{version: 1, inside: [corp.example], packs: [./ours]}\n"
    assert problems(text, str(tmp_path / "policy.yaml")) == [
        f"{folder}/ours.yaml:1:5: The id must follow from the file's name: ours."
    ]
    (folder / "pack.yaml").write_text(PACK["pack.yaml"].replace("id: ours", "id: other"))
    assert problems(text, str(tmp_path / "policy.yaml")) == [
        f"{folder}/pack.yaml:1:5: The id must be the name of the folder, ours."
    ]
