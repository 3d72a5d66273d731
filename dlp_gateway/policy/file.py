"""What policy.yaml may hold, key by key; each field's description is its documentation."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from dlp_gateway.detect.edm import naming
from dlp_gateway.detect.organisations import is_public_suffix
from dlp_gateway.document import Model
from dlp_gateway.mail.address import canonical_domain
from dlp_gateway.policy.groups import ANY
from dlp_gateway.policy.memory import Memory
from dlp_gateway.policy.model import Action, PolicyMode, Rule
from dlp_gateway.policy.patterns import DomainPattern, MailboxPattern, plain_name
from dlp_gateway.policy.records import MOST_TABLES, NamedTable
from dlp_gateway.policy.scope import Query, Scope


def _whole(value: object) -> object:
    """Refuse true and 1.0, which to Python equal 1."""
    if type(value) is not int:
        raise ValueError("This must be 1.")
    if value != 1:
        raise ValueError("This gateway knows version 1 of the format and no other; write `version: 1`.")
    return value


def _our_own(value: str) -> str:
    """Refuse what nobody can own; most single labels are no public suffixes and may name a site's own network."""
    if is_public_suffix(canonical_domain(value.removeprefix("*."))):
        message = "This is a public suffix, such as com or co.uk: strangers would be inside. Name your own domains."
        raise ValueError(message)
    return value


OwnDomain = Annotated[DomainPattern, AfterValidator(_our_own)]


def _group_name(value: str) -> str:
    if value == ANY:
        raise ValueError("`any` means whichever group; choose another name.")
    return plain_name(value)


def _sort(value: object) -> str:
    return "file" if isinstance(value, str) else "directory" if isinstance(value, dict | Query) else "list"


class Presidio(Model):
    """Detectors of others that run in ours: behind a gate, in windows, within a budget, and in a worker."""

    recognizers: tuple[str, ...] = Field(default=(), description="Names of Presidio's recognizer classes.")
    model: str = Field(default="", description="A spaCy model that is installed, or the path of one.")


class PolicyFile(Model):
    """Everything in policy.yaml: what is allowed."""

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(description="The version of this format: 1.")
    mode: PolicyMode = Field(
        default="enforce", description="Act (enforce), or count everything and hold or change nothing (observe)."
    )
    inside: tuple[OwnDomain, ...] = Field(
        min_length=1, description="Our domains; corp.example does not mean *.corp.example."
    )
    partners: tuple[DomainPattern, ...] = Field(
        default=(), description="Domains whose people may be seen together with ours; not outsiders for exposure."
    )
    groups: dict[
        Annotated[str, AfterValidator(_group_name)],
        Annotated[
            Annotated[str, Tag("file")] | Annotated[tuple[MailboxPattern, ...], Tag("list")],
            Discriminator(lambda value: "file" if isinstance(value, str) else "list"),
        ],
    ] = Field(
        default={},
        description="People outside who work together, by name: a list of addresses and domains, or a file of them.",
    )
    lists: tuple[MailboxPattern, ...] = Field(
        default=(),
        description="Mailing lists of ours with members outside: the address of a list, or a domain of lists.",
    )
    packs: tuple[str, ...] | None = Field(
        default=None,
        description="The packs in force, by name, or as the path of a folder; left out: all built-in ones.",
    )
    set: dict[str, object] = Field(default={}, description="Parameters of packs, such as bulk-visible.outsiders: 20.")
    teams: dict[
        Annotated[str, AfterValidator(plain_name)],
        Annotated[
            Annotated[str, Tag("file")]
            | Annotated[tuple[MailboxPattern, ...], Field(min_length=1), Tag("list")]
            | Annotated[Query, Tag("directory")],
            Discriminator(_sort),
        ],
    ] = Field(
        default={},
        description="Groups of our own people, by name: a list of addresses and domains, a file of them, or a filter "
        "by which the directory finds them.",
    )
    scopes: tuple[Scope, ...] = Field(default=(), description="Other parameters for the mail of some.")
    actions: dict[Annotated[str, AfterValidator(plain_name)], Action] = Field(
        default={}, description="Actions of your own, by name."
    )
    presidio: Presidio | None = Field(
        default=None,
        description="Recognizers of Presidio and a spaCy model of your own; they report `presidio.<ENTITY>`.",
    )
    edm: dict[Annotated[str, AfterValidator(plain_name)], NamedTable] = Field(
        default={},
        max_length=MOST_TABLES,
        description="Tables of own records, by name: the file of one, or its file and its key's; they report "
        "`edm.records.<name>` and `edm.others.<name>`.",
    )
    memory: Memory = Field(default=Memory(), description="For how long is remembered what rules ask for.")
    rules: tuple[Rule, ...] = Field(default=(), description="Rules of your own, beside those of the packs.")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _name_actions(cls, data: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  whatever the file holds
        """Let the rules know the names of actions and teams, even of those that have problems of their own."""
        if info.context is not None and isinstance(data, dict) and data.get("presidio"):
            info.context["presidio"] = True
        tables = data.get("edm") if isinstance(data, dict) else None
        if info.context is not None and info.context.get("kinds") is not None and isinstance(tables, dict):
            info.context["kinds"] |= naming.kinds(tables)
        for section in ("actions", "groups", "teams"):
            known = (info.context or {}).get(section)
            if known is not None and isinstance(data, dict) and isinstance(data.get(section), dict):
                known.update(data[section])
        return data
