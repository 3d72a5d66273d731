"""Each third-party library has one door: a module or package of ours that alone imports it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Library → the modules (dotted, with everything below them) that may import it.
DOORS = {
    "aiosmtpd": ("dlp_gateway.smtp",),
    "aiosmtplib": ("dlp_gateway.smtp",),
    "presidio_analyzer": ("dlp_gateway.detect.presidio", "dlp_gateway.detect.guests"),
    "spacy": ("dlp_gateway.detect.presidio",),
    "tldextract": ("dlp_gateway.detect.organisations", "dlp_gateway.detect.presidio"),
    "stdnum": ("dlp_gateway.detect.validators",),
    "re2": (
        "dlp_gateway.detect",
        "dlp_gateway.content.text",
        "dlp_gateway.content.html",
        "dlp_gateway.content.page.generated",
        "dlp_gateway.content.page.sheets",
        "dlp_gateway.content.page.style",
        "dlp_gateway.content.encoded",
        "dlp_gateway.content.traces",
    ),
    "pybase64": ("dlp_gateway.mail.encoded_word",),
    "selectolax": tuple(f"dlp_gateway.content.{name}" for name in ("html", "page", "drawing")),
    "lxml": ("dlp_gateway.content.xml",),
    "pypdfium2": tuple(f"dlp_gateway.content.{name}" for name in ("pdf", "pdf_page", "pdf_pictures")),
    "python_calamine": ("dlp_gateway.content.spreadsheet",),
    "olefile": ("dlp_gateway.content.compound",),
    "py7zr": ("dlp_gateway.content.archive",),
    "inflate64": ("dlp_gateway.content.zip_archive",),
    "backports": ("dlp_gateway.content.unpack",),
    "filetype": ("dlp_gateway.content.kind",),
    "PIL": ("dlp_gateway.content.picture", "dlp_gateway.content.barcode", "dlp_gateway.content.ocr"),
    "zxingcpp": ("dlp_gateway.content.barcode",),
    "tesserocr": ("dlp_gateway.content.ocr",),
    "numpy": (
        *("dlp_gateway.content.ocr", "dlp_gateway.detect.edm"),
        *("dlp_gateway.detect.request_model", "dlp_gateway.smtp.line_ends"),
        *("dlp_gateway.mail.encoded_word", "dlp_gateway.content.traces"),
    ),
    "yaml": ("dlp_gateway.document",),
    "yamlcore": ("dlp_gateway.document",),
    "prometheus_client": ("dlp_gateway.observe.instruments", "dlp_gateway.observe.deceased"),
    "structlog": ("dlp_gateway.observe.output",),
    "starlette": ("dlp_gateway.console",),
    "uvicorn": ("dlp_gateway.console",),
    "uvloop": ("dlp_gateway.processes.receiver",),
    "click": ("dlp_gateway.cli",),
    "rich": ("dlp_gateway.cli",),
    "sqlalchemy": ("quarantine", "dlp_gateway.journal", "dlp_gateway.processes.composition"),
    "alembic": ("quarantine.migrations", "dlp_gateway.journal.migrations"),
    "cryptography": (
        *("quarantine.crypto", "dlp_gateway.login.passwords"),
        *("dlp_gateway.smtp.identity", "dlp_gateway.smtp.spool", "dlp_gateway.checks.certificates"),
    ),
    "ldap3": ("dlp_gateway.login.ldap",),
}


def imports(file: Path) -> Iterator[str]:
    """Yield the top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("library", DOORS)
def test_nobody_else_imports_it(library: str) -> None:
    """A library is replaced, patched or understood by reading one place."""
    others = []
    for package in ("dlp_gateway", "quarantine"):
        for file in (ROOT / package).rglob("*.py"):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            allowed = any(module == door or module.startswith(f"{door}.") for door in DOORS[library])
            if not allowed and library in imports(file):
                others.append(module)
    assert others == []
