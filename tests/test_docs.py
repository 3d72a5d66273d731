"""The documentation is complete and its links lead somewhere; who adds a setting, option, metric or event tells it."""

import ast
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from dlp_gateway.cli import main
from dlp_gateway.observe import instruments, log, output
from dlp_gateway.settings import Settings, load

ROOT = Path(__file__).parents[1]
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def section(title: str) -> str:
    """Return the text under a heading of docs/operating.md."""
    return OPERATING.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that stand in a type, such as the one in `tuple[Listener, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for member in getattr(annotation, "__args__", ()):
        yield from models(member)


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every key that holds a value, `[]` for each item of a list."""
    for name, field in model.model_fields.items():
        below = list(models(field.annotation))
        for one in below:
            yield from settings(one, f"{prefix}{name}{'[]' if 'tuple' in str(field.annotation) else ''}.")
        if not below:
            yield prefix + name


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with the words by which it is called."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            assert below is not None
            yield from commands(below, f"{name} {word}")
    else:
        yield name, command


def events() -> set[str]:
    """Return the name of every event that `observe` can write, of ours and of libraries."""
    return {"library"} | {
        str(node.args[0].value)
        for module in (log, output)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "current.logger"
        and isinstance(node.args[0], ast.Constant)
    }


def told(names: set[str]) -> list[str]:
    """Return those that docs/operating.md does not mention as code."""
    return sorted(name for name in names if not re.search(rf"`[^`\n]*(?<![\w-]){re.escape(name)}(?![\w-])", OPERATING))


def test_every_setting_is_told() -> None:
    """What can be written in gateway.yaml stands in the table."""
    names = set(settings(Settings))
    assert {"listeners[].address", "custody.retry.first", "hostname"} <= names
    assert [name for name in sorted(names) if f"| `{name}` |" not in OPERATING] == []


def test_no_setting_is_told_that_does_not_exist() -> None:
    """A table that promises a key which `check` then refuses is worse than none."""
    text = section("Settings")
    assert set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)) == set(settings(Settings))


def test_every_command_and_option_is_told() -> None:
    """Each command by its words, and each of its options by its long name."""
    found = dict(commands(main, "dlp-gateway"))
    assert {"dlp-gateway serve", "dlp-gateway quarantine export", "dlp-gateway rules test"} <= set(found)
    assert told(set(found)) == []
    options = {
        next(word for word in parameter.opts if word.startswith("--"))
        for command in found.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    assert "--dry-run" in options
    assert told(options) == []


def test_every_metric_is_told() -> None:
    """What can be graphed stands in the table, and nothing else does."""
    source = Path(instruments.__file__).read_text(encoding="utf-8")
    names = set(re.findall(r'"(dlp_[a-z_]+)"', source))
    assert "dlp_messages_total" in names
    text = section("Metrics and health")
    assert set(re.findall(r"^\| \**`(dlp_[a-z_]+)`", text, re.MULTILINE)) == names


def test_every_event_is_told() -> None:
    """What can stand in the log stands in the table."""
    names = events()
    assert {"started", "decided", "store_unavailable"} <= names
    text = section("Log")
    assert {
        name for row in re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    } == names


@pytest.mark.parametrize(
    "case",
    [
        "Malformed address",
        "Empty To",
        "Broken MIME",
        "Too big",
        "Disconnect before",
        "Disconnect after",
        "Down",
        "Slow",
        "Refuses some",
        "Dies after the final dot",
        "Disk full",
        "Database locked",
        "Database corrupt",
        "Key missing",
        "Wrong or damaged key",
        "YAML file missing or broken",
        "Control characters",
        "kill -9",
    ],
)
def test_every_kind_of_bad_input_has_an_answer(case: str) -> None:
    """Each row has four columns, none of them empty: what happens, client, log, operator."""
    text = section("What goes wrong, and what to do")
    rows = [row for row in text.splitlines() if row.startswith("|") and f"**{case}" in row]
    assert rows
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 4
        assert all(cells)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file of the repository, and its anchor a heading there."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_document_that_is_named_exists(page: Path) -> None:
    """Names such as `docs/policy.md`, in prose or code, are files."""
    named = set(re.findall(r"\bdocs/[\w/.-]+\.md\b", page.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_rfc_that_the_code_cites_is_in_the_specifications() -> None:
    """Whoever follows another RFC says where it is followed and where not."""
    code = [
        path.read_text(encoding="utf-8")
        for name in ("dlp_gateway", "quarantine")
        for path in (ROOT / name).rglob("*.py")
    ]
    cited = {number for text in code for number in re.findall(r"RFC (\d{3,4})", text)}
    assert {"5321", "5322", "9180"} <= cited
    told = set(re.findall(r"\b\d{4}\b", (ROOT / "docs" / "specifications.md").read_text(encoding="utf-8")))
    assert cited - told == set()


LOGINS: dict[str, dict[str, Any]] = {
    "users_file": {"backend": "users"},
    "dovecot": {"backend": "dovecot", "dovecot": {"socket": "/run/dovecot/auth-client"}},
    "ldap": {"backend": "ldap", "ldap": {"url": "ldaps://dc.corp.example", "base": "dc=corp,dc=example"}},
}


@pytest.mark.parametrize("backend", LOGINS)
def test_the_defaults_that_are_told_are_the_defaults(tmp_path: Path, backend: str) -> None:
    """A file in which every default of the table is written means the same as one in which none is."""
    files = {"tls": "implicit", "certificate": "c.pem", "key": "c.key"}
    shortest: dict[str, Any] = {
        "listeners": [
            {"address": "127.0.0.1:2525", "networks": ["127.0.0.0/8"]},
            {"address": "127.0.0.1:2465", "auth": "required", **files},
        ],
        "login": LOGINS[backend],
        "directory": {"url": "ldaps://dc.corp.example", "base": "dc=corp,dc=example"},
        "smarthost": {"hosts": [{"host": "mail.example.net"}]},
        "custody": {"url": "sqlite:///custody.db", "key_file": "custody.key"},
    }
    full = copy.deepcopy(shortest)
    rows = re.findall(r"^\| `([\w.\[\]]+)` \| `([^`]+)` \|", section("Settings"), re.MULTILINE)
    assert len(rows) > 25
    for name, default in rows:
        *path, key = name.split(".")
        if any(name.startswith(f"login.{other}") for other in LOGINS if other != backend):
            continue  # a section of another back-end would be without effect, and is refused
        place: Any = full
        for step in path:
            place = place[step[:-2]][0] if step.endswith("[]") else place.setdefault(step, {})
        place[key] = {"false": False}.get(default, int(default) if default.isdigit() else default)
    loaded = []
    for number, written in enumerate((shortest, full)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(json.dumps(written))
        loaded.append(load(file))
    assert loaded[0] == loaded[1]
