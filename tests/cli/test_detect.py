"""`dlp-gateway detect`: JSON lines in, JSON lines out."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, lines

TEXT = "Ω my driver's license number is I1234562 (California)"


def test_what_json_has_no_word_for_is_no_id(run: Run) -> None:
    """NaN would come out as what no reader of JSON takes."""
    result = run("detect", "-", stdin=b'{"id": NaN, "text": "x"}\n')
    assert (result.exit_code, result.stdout) == (2, "")


def test_spans_have_the_names_of_the_contract(run: Run, tmp_path: Path) -> None:
    """Offsets count code points; the id comes back as it was given; empty lines are passed over."""
    file = tmp_path / "in.jsonl"
    file.write_text(
        json.dumps({"id": "a", "text": TEXT, "more": 1})
        + "\n\n"
        + json.dumps({"id": 7, "text": "order 40318872"})
        + "\n"
    )
    result = run("detect", "--json", file)
    assert result.exit_code == 0
    first, second = lines(result)
    assert {"id", "spans", "solicitation", "ms"} == set(first)
    (span,) = first["spans"]
    assert {"start", "end", "type", "country", "score"} == set(span)
    assert TEXT[span["start"] : span["end"]] == "I1234562"
    assert span["type"] == "DRIVER_LICENSE"
    assert first["ms"] > 0
    assert (second["id"], second["spans"]) == (7, [])
    assert "I1234562" not in result.stdout


def test_standard_input_and_the_least_score(run: Run) -> None:
    """`-` reads standard input; --min-score 1 shows next to nothing; without --json a line for each span."""
    line = json.dumps({"id": "\x1b[2Ja", "text": TEXT}).encode()
    (shown,) = lines(run("detect", "--json", "--min-score", "1", "-", stdin=line))
    assert shown["spans"] == []
    told = run("detect", "-", stdin=line).stdout
    assert told.startswith("?[2Ja:32-40  DRIVER_LICENSE ")
    assert "\x1b" not in told


@pytest.mark.parametrize(
    "line", [b"no json", b"[]", b'{"id": 1}', b'{"id": 1, "text": 2}', b'{"text": "x"}', b"[" * 99999]
)
def test_a_line_that_is_none_ends_with_2_and_its_number(run: Run, line: bytes) -> None:
    """Its text is not repeated: it may be somebody's mail."""
    result = run("detect", "--json", "-", stdin=b'{"id": 1, "text": ""}\n' + line)
    assert result.exit_code == 2
    assert "-:2:" in result.stderr
    assert len(lines(result)) == 1


def test_a_missing_file_ends_with_2(run: Run) -> None:
    """A sentence, no traceback."""
    result = run("detect", "missing.jsonl")
    assert result.exit_code == 2
    assert "missing.jsonl: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"id": 1, "text": "a" "b"}', "in.jsonl:1:23: this is not JSON: expecting ',' delimiter."),
        (
            '{"id": 1, "text": "é"}'.encode("latin-1"),
            "in.jsonl:1:20: this octet is not UTF-8; write the file as UTF-8.",
        ),
        ('{"id": 1, "text": ""}'.encode("utf-16"), "in.jsonl:1: this is UTF-16; write it as UTF-8."),
        (b"[1]", 'in.jsonl:1: not a JSON object; each line needs one with "id" and "text".'),
        (b'{"id": 1}', 'in.jsonl:1: needs "id" and a string "text".'),
    ],
)
def test_what_is_wrong_with_a_line_is_told(run: Run, tmp_path: Path, content: bytes, told: str) -> None:
    """With the place, and without its text."""
    (tmp_path / "in.jsonl").write_bytes(content)
    result = run("detect", "in.jsonl")
    assert (result.exit_code, result.stderr) == (2, f"Error: {told}\n")


def test_that_nothing_was_found_is_said(run: Run) -> None:
    """Silence might mean that nothing was read; with --json each text has its line. A mark of UTF-8 does no harm."""
    content = b'\xef\xbb\xbf{"id": 1, "text": "hello"}\n\n{"id": 2, "text": ""}\n'
    assert run("detect", "-", stdin=content).stdout == "Nothing found in 2 texts.\n"
    assert [one["id"] for one in lines(run("detect", "--json", "-", stdin=content))] == [1, 2]
