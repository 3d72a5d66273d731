"""Which detectors there are, and which are refused."""

from pathlib import Path

import pytest

from dlp_gateway.detect import registry
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.errors import ConfigurationError

SOUND = """
class Detector:
    name = "sound"
    kinds = frozenset({"sound.seen"})

    def detect(self, material):
        return ()
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> None:
    """Install a package with one detector."""
    module = f"installed_{name}"
    information = folder / f"{module}-1.dist-info"
    information.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[dlp_gateway.detectors]\n{name} = {module}:Detector\n")
    monkeypatch.syspath_prepend(str(folder))


def test_ours() -> None:
    """Without rules and packages there are the detectors that need no text."""
    expected = ["recipients", "disclosure", "redistribution", "misaddressed", "reply_all"]
    expected += ["exposure", "acquaintance", "parts", "defects"]
    assert expected == [detector.name for detector in registry.build(Recipe(inside=("corp.example",)))]


def test_kinds_of_ours() -> None:
    """Kinds are those of all detectors together."""
    known = registry.kinds(registry.build(Recipe(inside=())))
    assert {"recipients.outsiders", "recipients.organisations", "reply_all.audience"} <= known
    assert {"defect.no-header", "unreadable.attachment"} <= known


def test_installed_detector_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package may bring a detector."""
    install(tmp_path, monkeypatch, "sound", SOUND)
    detectors = registry.build(Recipe(inside=(), plugins=registry.installed()))
    assert "sound" in registry.installed()
    assert "sound.seen" in registry.kinds(detectors)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        pytest.param(SOUND.replace('"sound"', '"Bad Name"'), "its name must be", id="name"),
        pytest.param(SOUND.replace('"sound"', '"recipients"'), "another detector is called 'recipients'", id="taken"),
        pytest.param(SOUND.replace('{"sound.seen"}', ""), "it declares no kinds", id="no kinds"),
        pytest.param(SOUND.replace("kinds = ", "nothing = "), "it declares no kinds", id="kinds missing"),
        pytest.param(SOUND.replace("frozenset({", "set({"), "it declares no kinds", id="kinds that can change"),
        pytest.param(SOUND.replace("sound.seen", "seen"), "its kinds must be dotted names", id="bad kind"),
        pytest.param(SOUND.replace("detect(", "look("), "it has no method detect", id="no method"),
        pytest.param("import no_such_module", "cannot be loaded (ModuleNotFoundError)", id="broken import"),
        pytest.param("", "cannot be loaded (AttributeError)", id="no class"),
    ],
)
def test_unusable_detector_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, source: str, complaint: str
) -> None:
    """What a package offers must keep the contract, or the gateway does not start."""
    name = f"broken{abs(hash(request.node.name))}"
    install(tmp_path, monkeypatch, name, source)
    with pytest.raises(ConfigurationError) as refused:
        registry.build(Recipe(inside=(), plugins=(name,)))
    assert f"detector {name}: {complaint}" in str(refused.value)


def test_all_problems_at_once() -> None:
    """Every detector that is asked for and missing is named."""
    with pytest.raises(ConfigurationError) as refused:
        registry.build(Recipe(inside=(), plugins=("missing-one", "missing-two")))
    expected = ["detector missing-one: no package offers it", "detector missing-two: no package offers it"]
    assert expected == [str(problem) for problem in refused.value.problems]
