"""What others may read of a configuration: names of hosts, networks, paths; no addresses, logins, secrets. Pure."""

import re
from dataclasses import replace
from typing import Any, Final

from dlp_gateway.mail.reply import printable
from dlp_gateway.policy.model import Policy, RuleInForce, Unless
from dlp_gateway.policy.scope import Only, Scope

HIDDEN: Final = "***"

# What stands before an "@": the local part of an address, or the login of a URL (RFC 3986 3.2.1).
_LOCAL_PART: Final = re.compile(r"""(?:"(?:[^"\\]|\\.){0,100}"|[^\s@<>",;()\[\]]{1,100})@(?=[\w\[])""")

#: Keys whose values name a person or let somebody in; what ends in `file` is a path.
_PRIVATE: Final = re.compile(
    r"(?:^|_)(?:users?|logins?|password|passwd|secret|token|credentials?|tenants?|bind|bind_dn|values?)$"
)
_UNKNOWN_KEY: Final = re.compile(r"Unknown key '[^']*'")
_LONGEST: Final = 2_000


def text(value: str) -> str:
    """Return a text without the local part of any address, credentials in URLs, or control characters."""
    return _LOCAL_PART.sub(f"{HIDDEN}@", printable(value, _LONGEST))


def problem(value: str) -> str:
    """Return a problem of a file without the unknown key that it quotes, for that may be a value in a wrong place."""
    return _UNKNOWN_KEY.sub(f"Unknown key '{HIDDEN}'", text(value))


def values(value: Any, key: str = "") -> Any:  # noqa: ANN401  what a file may hold
    """Return JSON values with everything private in them hidden; sections below a private key stay readable."""
    match value:
        case dict():
            return {text(str(name)): values(below, str(name)) for name, below in value.items()}
        case list() | tuple():
            return [values(one, key) for one in value]
        case None | "":
            return value
        case _ if _PRIVATE.search(key):
            return HIDDEN
        case str():
            return text(value)
        case _:
            return value


def policy(found: Policy) -> Policy:
    """Return a policy that says the same of domains and networks, and names no person."""
    return replace(found, rules=tuple(_rule(one) for one in found.rules))


def _rule(one: RuleInForce) -> RuleInForce:
    hidden = {"only": tuple(map(_only, one.rule.only)), "unless": tuple(map(_unless, one.rule.unless))}
    return replace(
        one,
        rule=one.rule.model_copy(update=hidden | {"explanation": ""}),
        within=None if one.within is None else _scope(one.within),
        outside=tuple(map(_scope, one.outside)),
    )


def _scope(one: Scope) -> Scope:
    hidden: Scope = one.model_copy(update={"only": tuple(map(_only, one.only))})
    return hidden


def _only(one: Only) -> Only:
    hidden: Only = one.model_copy(
        update={
            "recipients": _named(one.recipients),
            "sender": _named(one.sender),
            "login": None if one.login is None else (HIDDEN,),
        }
    )
    return hidden


def _unless(one: Unless) -> Unless:
    recipients = one.recipients
    hidden: Unless = one.model_copy(
        update={
            "recipients": recipients if isinstance(recipients, str) else _named(recipients),
            "sender": _named(one.sender),
            "login": None if one.login is None else (HIDDEN,),
        }
    )
    return hidden


def _named(patterns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if patterns is None else tuple(dict.fromkeys(map(text, patterns)))
