"""YAML text → strict, frozen model; every problem of a file at once, each as file:line:column; the only door to yaml.

YAML 1.2 core schema: `no`, `on` and `12:30:45` are texts. Duplicate keys, tags, unknown keys and numbers such as `0755`
are problems; size, depth and what aliases expand to are bounded. No message quotes a value, since it may be a secret.
"""

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Generic, TypeVar

import pydantic
import yaml
import yamlcore
from pydantic_core import ErrorDetails, PydanticCustomError

from dlp_gateway.errors import ConfigurationError, Problem

_MAX_BYTES: Final = 4_000_000
_MAX_NODES: Final = 200_000  # counted after aliases are expanded: "billion laughs" ends here
_MAX_DEPTH: Final = 40
_PLAIN_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]*")

T = TypeVar("T", bound="Model")

#: A place in a document: mapping keys and list indexes from the root, such as ("rules", 0, "when").
Location = tuple[str | int, ...]


class Model(pydantic.BaseModel):
    """The base of everything that a file may hold: strict, frozen, no unknown keys; lists are tuples."""

    model_config = pydantic.ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[T]):
    """What became of a file: its model or None, what is wrong with it, and the places of its values.

    `raw` holds dicts, tuples and scalars even if the model is None, so that later checks can add their problems to
    those found first. `values` and `keys` map a location to (line, column), both from 1.
    """

    source: str
    model: T | None
    raw: object
    problems: tuple[Problem, ...]
    values: Mapping[Location, tuple[int, int]]
    keys: Mapping[Location, tuple[int, int]]

    def problem(self, location: Location, message: str, *, key: bool = False) -> Problem:
        """Return a problem at the value (or the key) of `location`, or of the nearest place around it that exists."""
        while location and location not in self.values:
            location = location[:-1]
        line, column = (self.keys if key and location in self.keys else self.values).get(location, (1, 1))
        return Problem(source=self.source, line=line, column=column, message=message)

    def placed(self, location: Location, error: ConfigurationError) -> Iterator[Problem]:
        """Yield the problems of something that is named at `location`; those without a line stand there."""
        for problem in error.problems:
            yield problem if problem.line else self.problem(location, f"{problem.source}: {problem.message}")

    def finish(self, more: Iterable[Problem] = ()) -> T:
        """Return the model; raise `ConfigurationError` if there are problems, or `more` of them."""
        problems = [*self.problems, *more]
        if problems or self.model is None:
            raise ConfigurationError(problems)
        return self.model


def wrong(key: str, message: str) -> PydanticCustomError:
    """Return what a model's validator raises to point at one of its keys."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "key": key})


def written(model: pydantic.BaseModel) -> str:
    """Return a model as YAML, every default filled in."""
    text: str = yaml.safe_dump(model.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return how a sentence about an unknown name ends: with the nearest known one, or with all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:100], names, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known are: {', '.join(names[:30])}{' …' if names[30:] else '.'}" if names else "; there are none."


def load(path: Path, model: type[T]) -> T:
    """Return the file as a `model`; raise `ConfigurationError` with every problem."""
    return load_document(path, model).finish()


def parse(text: str, model: type[T], source: str) -> T:
    """Return YAML text as a `model`; relative paths in it are relative to the folder of `source`."""
    return parse_document(text, model, source).finish()


def load_document(path: Path, model: type[T], context: Mapping[str, object] | None = None) -> Document[T]:
    """Read a file, with `context` for the validators of `model`; raise `ConfigurationError` if it cannot be read."""
    return parse_document(read(path), model, str(path), context)


def read(path: Path) -> str:
    """Return the text of a UTF-8 file of bounded size; raise `ConfigurationError`."""
    source = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise _failure(source, 0, 0, "There is no such file.") from None
    except IsADirectoryError:
        raise _failure(source, 0, 0, "This is a folder; a file is needed.") from None
    except PermissionError:
        raise _failure(source, 0, 0, "This file may not be read by the user that runs the gateway.") from None
    except OSError as error:
        raise _failure(source, 0, 0, f"This file cannot be read: {error.strerror}.") from None
    if len(raw) > _MAX_BYTES:
        raise _failure(source, 0, 0, f"This file is larger than {_MAX_BYTES // 1_000_000} MB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        line, column = _place(before)
        raise _failure(source, line, column, "This is not UTF-8; save the file in that encoding.") from None


def parse_document(text: str, model: type[T], source: str, context: Mapping[str, object] | None = None) -> Document[T]:
    """Read YAML text, with `context` for the validators of `model`; problems are in the result."""
    reading = _Reading(source)
    raw = reading.value(text)
    document: Document[T] = Document(
        source=source,
        model=None,
        raw=raw,
        problems=tuple(reading.problems),
        values=reading.values,
        keys=reading.keys,
    )
    if raw is None and document.problems:
        return document
    try:
        value = model.model_validate(
            {} if raw is None else raw, context={"folder": Path(source).parent, **(context or {})}
        )
    except pydantic.ValidationError as error:
        if raw is None:
            needed = ", ".join(f"'{details['loc'][-1]}'" for details in error.errors() if details["loc"])
            return replace(document, problems=(document.problem((), f"This file is empty; it needs {needed}."),))
        return replace(document, problems=document.problems + tuple(_faults(document, model, error, reading.spoiled)))
    return replace(document, model=value)


def _faults(
    document: Document[T], model: type[Model], error: pydantic.ValidationError, spoiled: set[Location]
) -> Iterator[Problem]:
    """Yield pydantic's findings as problems; one is enough for a value, and what is no YAML has its problem already."""
    for details in error.errors(include_url=False):
        location: Location = ()  # pydantic's names the members of unions as well
        context = details.get("ctx", {})
        for element in details["loc"]:
            if (*location, element) in document.values:
                location = (*location, element)
        key = context.get("key", context.get("discriminator", "").strip("'"))  # a better place: below, or beside
        location = next((one for one in ((*location, key), (*location[:-1], key)) if one in document.values), location)
        if details["type"] == "too_short" and len(details["input"]) >= context["min_length"]:
            continue  # pydantic counts the items that are right; the wrong ones are told each
        if location not in spoiled:
            message, at_key = _sentence(details, model, location)
            yield document.problem(location, message, key=at_key or details["loc"][-1:] == ("[key]",))
            if details["type"] not in {"missing", "wrong"}:
                spoiled.add(location)


def _failure(source: str, line: int, column: int, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(source=source, line=line, column=column, message=message)])


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _start(mark: yaml.Mark | yaml._yaml.Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _Reading:
    """One pass over the YAML of one file: plain values, their positions, and what is wrong with the YAML itself."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.values: dict[Location, tuple[int, int]] = {}
        self.keys: dict[Location, tuple[int, int]] = {}
        self.problems: list[Problem] = []
        self.spoiled: set[Location] = set()
        self._nodes = 0

    def value(self, text: str) -> object:
        """Return dicts, tuples and scalars; None, with a problem noted, if the text is no YAML at all."""
        odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
        if odd:
            self._note(_place(text[: odd.start()]), "A control character stands here; take it out.")
            return None
        loader = yamlcore.CCoreLoader(text)
        try:
            if self._too_deep(text):
                return None
            node = loader.get_single_node()
            return None if node is None else self._convert(loader, node, ())
        except yaml.MarkedYAMLError as error:
            is_name = (error.context or "").endswith(("an alias", "an anchor"))  # `[*.corp.example]` without quotes
            mark = (error.context_mark if is_name else None) or error.problem_mark or error.context_mark
            self._note(_start(mark), _QUOTES_NEEDED if is_name else _yaml_sentence(error.problem or ""))
            return None
        except _TooMuchError:
            self._note(
                (1, 1),
                f"Aliases in this file expand to too much; it may hold {_MAX_NODES} values, nested {_MAX_DEPTH} deep.",
            )
            return None
        finally:
            loader.dispose()

    def _note(self, place: tuple[int, int], message: str) -> None:
        self.problems.append(Problem(source=self.source, line=place[0], column=place[1], message=message))

    def _too_deep(self, text: str) -> bool:
        """Look at the events first, since composing is recursive and a deep file would exhaust the stack."""
        depth = 0
        for event in yaml.parse(text, Loader=yamlcore.CCoreLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    self._note(_start(event.start_mark), f"Blocks are nested more than {_MAX_DEPTH} deep.")
                    return True
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        return False

    def _convert(self, loader: yamlcore.CCoreLoader, node: yaml.Node, location: Location) -> object:
        self._nodes += 1
        if self._nodes > _MAX_NODES or len(location) > _MAX_DEPTH:  # an alias may even contain itself
            raise _TooMuchError
        place = _start(node.start_mark)
        self.values[location] = place
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return tuple(self._convert(loader, item, (*location, index)) for index, item in enumerate(node.value))
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(loader, node, location)
        if isinstance(node, yaml.ScalarNode):
            if node.tag == "tag:yaml.org,2002:int" and not _PLAIN_NUMBER.fullmatch(node.value):
                self._note(place, "Write a number in decimals and without leading zeros; put a text in quotes.")
                self.spoiled.add(location)
                return None
            try:
                return loader.construct_object(node)
            except (yaml.constructor.ConstructorError, ValueError, KeyError):
                self._note(place, "This value cannot be read; tags such as !x are not understood, texts need quotes.")
                self.spoiled.add(location)
                return None
        self._note(place, "Tags such as !x are not understood; take it out.")
        self.spoiled.add(location)
        return None

    def _mapping(self, loader: yamlcore.CCoreLoader, node: yaml.MappingNode, location: Location) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            place = _start(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                self._note(place, "A key must be a text; put it in quotes.")
                continue
            key = key_node.value
            if key in result:
                first = self.keys[(*location, key)][0]
                self._note(place, f"The key {_shown(key)} stands twice, first in line {first}; keep one.")
                continue
            self.keys[(*location, key)] = place
            result[key] = self._convert(loader, value_node, (*location, key))
        return result


class _TooMuchError(Exception):
    """More nodes than a file may hold."""


_QUOTES_NEEDED: Final = 'A text that begins with * or & needs quotes, such as "*.corp.example".'


def _yaml_sentence(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "A ':' stands where no key can be; check the indentation here and above, or put the text in quotes."
    if "cannot start any token" in problem or "tab character" in problem:
        return "This character cannot begin a value; indent with blanks, not tabs, and put texts in quotes."
    if "document" in problem:
        return "A second document begins here; a file holds one."
    if "alias" in problem:
        return f"This alias names no anchor that stands before it. {_QUOTES_NEEDED}"
    return f"This is not valid YAML here: {problem}."


def _shown(key: str) -> str:
    """Return a key of the operator's, fit for a terminal."""
    return f"'{key[:60]}'" if key.isprintable() else "with control characters"


_SENTENCES: Final = {
    "string_type": "A text is needed here; put it in quotes.",
    "int_type": "A whole number is needed here.",
    "int_from_float": "A whole number is needed here.",
    "float_type": "A number is needed here.",
    "bool_type": "Write true or false here.",
    "model_type": "Keys with values are needed here.",
    "model_attributes_type": "Keys with values are needed here.",
    "dict_type": "Keys with values are needed here.",
    "tuple_type": "A list is needed here, such as [a, b].",
    "greater_than_equal": "This must be {ge} or more.",
    "greater_than": "This must be more than {gt}.",
    "less_than_equal": "This must be {le} or less.",
    "less_than": "This must be less than {lt}.",
    "too_short": "At least {min_length} must stand here.",
    "too_long": "At most {max_length} may stand here.",
    "string_too_short": "This text is too short; it needs {min_length} characters or more.",
    "string_too_long": "This text is too long; it may have {max_length} characters.",
    "literal_error": "This must be one of: {expected}.",
    "union_tag_invalid": "{discriminator} must be one of: {expected_tags}.",
    "union_tag_not_found": "The key {discriminator} is missing.",
}


def _sentence(fault: ErrorDetails, model: type[Model], location: Location) -> tuple[str, bool]:
    """Return what is wrong and what to do, and whether it stands at the key."""
    kind, context = fault["type"], fault.get("ctx", {})
    name = str(fault["loc"][-1]) if fault["loc"] else ""
    if kind == "extra_forbidden":
        members = list(_models_at(model, location[:-1]))
        chosen = [member for member in members if _tags(member) & set(fault["loc"])] or members
        known = {key for member in chosen for key in _names(member)}
        return f"Unknown key {_shown(name)}{suggestion(name, known)}", True
    if kind == "missing":
        for member in _models_at(model, location):
            description = _names(member).get(name)
            if description:
                return f"The key '{name}' is missing: {description}", False
        return f"The key '{name}' is missing.", False
    if kind == "wrong":
        return fault["msg"], False
    if kind == "value_error":
        return str(context["error"]), False
    sentence = _SENTENCES.get(kind, "").format_map(context) or f"{fault['msg']}."
    if fault["input"] is None:
        return f"A value is missing here. {sentence}", False
    if kind == "literal_error" and isinstance(fault["input"], str):
        choices = re.findall(r"'([^']*)'", context["expected"])
        close = difflib.get_close_matches(fault["input"][:100], choices, n=1)
        return sentence + (f" Did you mean '{close[0]}'?" if close else ""), False
    return sentence, False


def _names(model: type[Model]) -> dict[str, str]:
    """Return the keys that a model takes, with their descriptions."""
    return {field.alias or name: field.description or "" for name, field in model.model_fields.items()}


def _tags(model: type[Model]) -> set[str | int]:
    """Return the words by which a model is told apart in a union."""
    return {word for field in model.model_fields.values() for word in typing.get_args(field.annotation)}


def _models_at(annotation: object, location: Location) -> Iterator[type[Model]]:
    """Yield the models that may stand at `location` below `annotation`, through lists, mappings and unions."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        if not location:
            yield annotation
            return
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == location[0]:
                yield from _models_at(field.annotation, location[1:])
        return
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        for member in members:
            yield from _models_at(member, location)
    elif origin is Annotated:
        yield from _models_at(members[0], location)
    elif origin is dict and location:
        yield from _models_at(members[1], location[1:])
    elif origin is tuple:  # where a model takes one item for a list of one, the index is missing
        yield from _models_at(members[0], location[1:] if location and isinstance(location[0], int) else location)
