"""YAML into strict models: what YAML 1.2 means, and every problem of a file at its line and column."""

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.errors import ConfigurationError


class Red(Model):
    """One member of a union that is told apart by a key."""

    colour: Literal["red"]
    depth: int = 1


class Blue(Model):
    """The other member."""

    colour: Literal["blue"]


class Item(Model):
    """A model with one field of each sort."""

    number: int | None = Field(default=None, description="the number")
    text: str = ""
    tls: Literal["none", "starttls"] = "none"
    paint: Annotated[Red | Blue, Field(discriminator="colour")] | None = None


class Example(Model):
    """The root of the example documents."""

    title: str = Field(description="What it is called.")
    items: tuple[Item, ...] = ()
    named: dict[str, Item] = Field(default={})


def problems(text: str) -> list[tuple[int, int, str]]:
    """Return the problems of a text as (line, column, message)."""
    with pytest.raises(ConfigurationError) as caught:
        document.parse(text, Example, "example.yaml")
    return [(problem.line, problem.column, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "y", "12:30:45", "2026-11-02", "0b11", "1_000"])
def test_words_that_only_old_yaml_changes_stay_texts(word: str) -> None:
    """YAML 1.2 has no booleans but true and false, no sexagesimals and no dates."""
    assert document.parse(f"title: {word}", Example, "x").title == word


@pytest.mark.parametrize("number", ["0755", "01", "00", "0x1", "0o7", "+1", "-01"])
def test_whole_number_is_written_in_plain_decimals(number: str) -> None:
    """Readers differ over what a leading zero means, so nobody has to guess."""
    with pytest.raises(ConfigurationError) as caught:
        document.parse(f"{{title: a, items: [{{number: {number}}}]}}", Example, "x")
    assert str(caught.value) == "x:1:29: Write a number in decimals and without leading zeros; put a text in quotes."


def test_every_problem_is_told_at_once_and_in_order() -> None:
    """Wrong types, unknown keys, missing keys, duplicate keys and wrong words are all found in one reading."""
    text = (
        "items:\n"
        "  - number: many\n"
        "    txt: a\n"
        "    text: a\n"
        "    text: b\n"
        "    tls: startls\n"
        "  - paint: {colour: red, depht: 3}\n"
        "named: {a: {number: 1.5}}\n"
        "itmes: 3\n"
    )
    assert problems(text) == [
        (1, 1, "The key 'title' is missing: What it is called."),
        (2, 13, "A whole number is needed here."),
        (3, 5, "Unknown key 'txt'; did you mean 'text'?"),
        (5, 5, "The key 'text' stands twice, first in line 4; keep one."),
        (6, 10, "This must be one of: 'none' or 'starttls'. Did you mean 'starttls'?"),
        (7, 26, "Unknown key 'depht'; did you mean 'depth'?"),
        (8, 21, "A whole number is needed here."),
        (9, 1, "Unknown key 'itmes'; did you mean 'items'?"),
    ]


def test_unknown_word_of_a_union_is_told_at_its_key() -> None:
    """The value that tells the members of a union apart is named with its choices."""
    text = "{title: a, items: [{paint: {colour: green}}]}"
    assert problems(text) == [(1, 37, "'colour' must be one of: 'red', 'blue'.")]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("title: a\n\titems: []\n", 2, 1, "blanks, not tabs"),
        ("title: a: b\n", 1, 9, "a ':' stands where no key can be"),
        ("title: @a\n", 1, 8, "cannot begin a value"),
        ("title: [a\n", 2, 1, "not valid yaml"),
        ("title: *a\n", 1, 8, "alias"),
        ("title: a\n---\ntitle: b\n", 2, 1, "second document"),
        ("title: !!python/object:os.system x\n", 1, 8, "tags"),
        ("title: !secret [x]\n", 1, 8, "tags"),
        ("3: a\n", 1, 1, "a key must be a text"),
        ("title: a\n? [a]\n: b\n", 2, 3, "a key must be a text"),
        ("title: a\nitems: \x07\n", 2, 8, "control character"),
        ("- a\n", 1, 1, "keys with values"),
        ("title:\n", 1, 7, "a value is missing"),
        ("", 1, 1, "this file is empty; it needs 'title'."),
        ("# nothing\n", 1, 1, "this file is empty; it needs 'title'."),
        ("title: [*.corp.example]\n", 1, 9, 'needs quotes, such as "*.corp.example"'),
        ("title: [*corp]\n", 1, 9, 'needs quotes, such as "*.corp.example"'),
        ("title: &.a b\n", 1, 8, "needs quotes"),
        (f"title: a\nitems: [{{number: {'9' * 5_000}}}]\n", 2, 18, "cannot be read"),
    ],
)
def test_what_is_no_usable_yaml_is_told_at_its_place(text: str, line: int, column: int, words: str) -> None:
    """Broken YAML, foreign tags, odd keys and empty files each have a sentence and a place."""
    found = problems(text)
    assert (line, column) == found[0][:2]
    assert words in found[0][2].lower()


def test_deep_nesting_is_refused() -> None:
    """A file cannot exhaust the stack."""
    assert problems("[" * 100_000) == [(1, 41, "Blocks are nested more than 40 deep.")]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
        "a: &a [*a]\n",
    ],
    ids=["billion laughs", "contains itself"],
)
def test_aliases_cannot_expand_without_bound(text: str) -> None:
    """What aliases stand for is counted, not their number."""
    assert "Aliases" in problems(text)[0][2]


def test_alias_within_bounds_is_expanded() -> None:
    """An alias stands for what its anchor marks."""
    text = "{title: a, named: {first: &one {number: 1}, second: *one}}"
    assert {"first": Item(number=1), "second": Item(number=1)} == document.parse(text, Example, "x").named


def test_messages_never_show_a_value() -> None:
    """A password that was written into the wrong place is not repeated on the screen or in a log."""
    secret = "hunter" + "2-hunter"
    with pytest.raises(ConfigurationError) as caught:
        document.parse(
            f"{{title: [{secret}], items: [{{number: {secret}, tls: {secret}, paint: {{colour: {secret}}}}}]}}",
            Example,
            "x",
        )
    assert len(caught.value.problems) == 4
    assert secret not in str(caught.value)


def test_missing_file_folder_and_wrong_encoding_are_told(tmp_path: Path) -> None:
    """Whatever keeps a file from being read is a problem of that file, with a place where there is one."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("title: a\ntext: ü\n".encode("latin-1"))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 4_000_001)
    found = []
    for path in (tmp_path / "none.yaml", tmp_path, latin, large):
        with pytest.raises(ConfigurationError) as caught:
            document.load(path, Example)
        found.append(str(caught.value).removeprefix(f"{tmp_path}"))
    assert found == [
        "/none.yaml: There is no such file.",
        ": This is a folder; a file is needed.",
        "/latin.yaml:2:7: This is not UTF-8; save the file in that encoding.",
        "/large.yaml: This file is larger than 4 MB.",
    ]


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Editors that put a mark at the start of UTF-8 files do no harm."""
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbftitle: a\n")
    assert Example(title="a") == document.load(path, Example)


def test_later_checks_point_into_the_file_too() -> None:
    """A location finds its value, its key, or the nearest place around it."""
    found = document.parse_document("title: a\nitems:\n  - number: 1\n", Example, "x.yaml")
    places = [
        found.problem(("items", 0, "number"), "value"),
        found.problem(("items", 0, "number"), "key", key=True),
        found.problem(("items", 0, "text", "deeper"), "around"),
        found.problem(("nowhere",), "root"),
    ]
    assert list(map(str, places)) == ["x.yaml:3:13: value", "x.yaml:3:5: key", "x.yaml:3:5: around", "x.yaml:1:1: root"]


def test_later_problems_are_told_with_the_first_ones() -> None:
    """`finish` raises everything that is known by then."""
    found = document.parse_document("itms: 1\n", Example, "x.yaml")
    with pytest.raises(ConfigurationError) as caught:
        found.finish([found.problem((), "And one more.")])
    assert len(caught.value.problems) == 3


_WORDS = st.sampled_from(
    [
        "title",
        "items",
        "named",
        "number",
        ":",
        "-",
        "[",
        "]",
        "{",
        "}",
        "&a",
        "*a",
        "!x",
        "'",
        '"',
        "|",
        "\n",
        "  ",
        "#",
        "1",
        "\t",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=40).map(" ".join)))
def test_any_text_gives_a_model_or_problems(text: str) -> None:
    """Nothing but `ConfigurationError` is ever raised, and each of its problems has a place."""
    found = document.parse_document(text, Example, "x")
    assert found.model is not None or found.problems
    assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in found.problems)


_PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=5)


@given(
    st.recursive(
        st.integers() | _PRINTABLE | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_PRINTABLE, inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_is_read_as_it_is_meant(value: object) -> None:
    """JSON is YAML 1.2; policies that the gateway writes for itself rely on it."""

    def with_tuples(of: object) -> object:
        if isinstance(of, list):
            return tuple(map(with_tuples, of))
        return {key: with_tuples(inner) for key, inner in of.items()} if isinstance(of, dict) else of

    text = json.dumps({"a": value}, ensure_ascii=False)
    assert document.parse_document(text, Example, "x").raw == with_tuples({"a": value})
