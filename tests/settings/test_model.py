"""All of gateway.yaml as a model: shown as it is written, described field by field, and a schema for editors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlp_gateway import settings
from dlp_gateway.document import Model
from dlp_gateway.settings import Settings


def test_settings_are_shown_as_they_are_written(file: Path) -> None:
    """`check --show` prints durations, addresses and networks in the file's own notation."""
    shown = settings.load(file).model_dump(mode="json")
    assert shown["custody"]["keep"] == "30d"
    assert shown["listeners"][0]["address"] == "127.0.0.1:2525"
    assert shown["listeners"][0]["networks"] == ["127.0.0.0/8"]


def fields(model: type[Model], place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field of a model and of the models in it, by dotted name."""
    for name, field in model.model_fields.items():
        yield f"{place}{name}", field
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, Model):
                yield from fields(inner, f"{place}{name}.")


def test_every_setting_has_a_description() -> None:
    """The description is the documentation: `check`, the guides and editors show it."""
    assert [name for name, field in fields(Settings) if not (field.description or "").endswith(".")] == []


def test_editors_get_a_schema() -> None:
    """The model can be written as a JSON schema."""
    assert Settings.model_json_schema()["properties"].keys() == Settings.model_fields.keys()


def test_the_schema_of_settings_can_be_made() -> None:
    """Editors ask for it, whatever types a setting has."""
    assert "notices" in Settings.model_json_schema()["properties"]
