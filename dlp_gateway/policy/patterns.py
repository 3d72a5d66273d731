"""Texts of a policy that have a form: names, domains, addresses, one line; what `$name` stands for in a pack."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_DOMAIN: Final = re.compile(r"(?:\*\.)?(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?")


def parameter(value: object, info: ValidationInfo) -> object:
    """Return what `$name` stands for in a rule of a pack; anything else as it is."""
    parameters: dict[str, object] | None = (info.context or {}).get("parameters")
    if parameters is None or not isinstance(value, str) or not value.startswith("$"):
        return value
    if value[1:] not in parameters:
        raise ValueError(f"The pack has no such parameter; it has: {', '.join(sorted(parameters)) or 'none'}.")
    return parameters[value[1:]]


def plain_name(value: str) -> str:
    """Return the name of a pack, parameter, action or team; raise `ValueError`."""
    if not _NAME.fullmatch(value):
        raise ValueError("A name consists of a-z, 0-9 and '-', 40 at most, such as bulk-visible.")
    return value


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value):
        raise ValueError("A domain is needed here, such as corp.example, or *.corp.example for its subdomains.")
    return value


def _mailbox(value: str) -> str:
    local_part, at, domain = value.rpartition("@")
    if at and (not local_part or not _DOMAIN.fullmatch(domain) or domain.startswith("*")):
        raise ValueError("An address or a domain is needed, such as ann@corp.example, corp.example or *.corp.example.")
    return value if at else _domain(value)


def _one_line(value: str) -> str:
    """Refuse what could end a line of an SMTP reply, a log or a terminal."""
    if not value.isprintable():
        raise ValueError("One line of text is needed here, without control characters.")
    return value


Line = Annotated[str, AfterValidator(_one_line)]
DomainPattern = Annotated[str, AfterValidator(_domain)]
MailboxPattern = Annotated[str, AfterValidator(_mailbox)]
