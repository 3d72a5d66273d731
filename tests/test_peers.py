"""CI has every program that a test asks for: what somebody once installed by hand would hide that one is missing."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
# `.ci/run` calls uv by its path; Debian's PostgreSQL keeps its server where no PATH leads, and comes with psql.
ELSEWHERE = {"uv", "postgres"}


def required(tree: ast.AST) -> set[str]:
    """Return the programs named in calls of `require`."""
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "require" and call.args
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def test_ci_looks_for_every_program_that_a_test_requires() -> None:
    """So a peer that is not installed there stops it in the first minute, not after half an hour."""
    programs = set().union(*(required(ast.parse(path.read_bytes())) for path in (ROOT / "tests").rglob("*.py")))
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("\\\n", "")
    looked_for = re.search(r"^for program in (.*?);", script, re.MULTILINE)
    assert looked_for is not None
    assert "swaks" in programs
    assert programs - ELSEWHERE <= set(looked_for[1].split())
