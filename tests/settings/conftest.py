"""gateway.yaml with the contract's example, how it is changed, and what is wrong with it then."""

from pathlib import Path
from typing import Final

import pytest

from dlp_gateway import settings
from dlp_gateway.errors import ConfigurationError

CONTRACT: Final = """\
listeners:
  - {address: "127.0.0.1:2525", tls: none, auth: none, networks: [127.0.0.0/8]}
smarthost: {host: 127.0.0.1, port: 2526, tls: none}
custody: {url: "sqlite:///custody.db", key_file: custody.key, keep: 30d}
journal: {keep: 90d}
admin: {address: "127.0.0.1:8025"}
limits: {message_size: 50MB}
policy: policy.yaml
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return gateway.yaml with the contract's example."""
    path = tmp_path / "gateway.yaml"
    path.write_text(CONTRACT)
    return path


def problems(path: Path) -> list[str]:
    """Return the problems of a file as line:column: message."""
    with pytest.raises(ConfigurationError) as caught:
        settings.load(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def changed(path: Path, old: str, new: str) -> Path:
    """Change the example."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path
