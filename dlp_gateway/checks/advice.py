"""What may be meant otherwise than it is written: warnings about two files that have no problems.

Looks at the files that the settings name, and at nothing that needs a network.
"""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from dlp_gateway import packs
from dlp_gateway.checks.remark import Level, Remark, warning, wrong
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.address import canonical_domain
from dlp_gateway.policy.model import Policy, Rule, Unless
from dlp_gateway.policy.scope import Only, moment_written
from dlp_gateway.settings import Listener, Settings, admission_warnings, is_host_name

_SQLITE: Final = "sqlite:///"
_IMPLICIT_PORT: Final = 465  # RFC 8314 7.3
_SECRET_LIMIT: Final = 10_000  # bytes of a password file


def advice(path: Path, settings: Settings, policy: Policy) -> tuple[Remark, ...]:
    """Return warnings, and what is certainly wrong with the files that gateway.yaml (at `path`) names."""
    found = (
        *_mode(policy),
        *_people(policy),
        *_names(policy),
        *_dates(policy, datetime.now(UTC)),
        *_teams(policy),
        *(warning(one.source, one.message) for one in admission_warnings(settings)),
        *_listeners(settings),
        *_login(settings),
        *_smarthost(settings),
        *_admin(settings),
        *_custody(settings),
        *_tables(settings, policy),
        *_written_by_others(path, settings),
    )
    return tuple(dict.fromkeys(found))  # listeners may share a certificate


def database(settings: Settings) -> Path:
    """Return custody's SQLite file."""
    return Path(settings.custody.url.removeprefix(_SQLITE))


def is_local(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- the policy -------------------------------------------------------------------------------------------------------


def _mode(policy: Policy) -> Iterator[Remark]:
    if policy.mode == "observe":
        yield warning("policy", "It says `mode: observe`: nothing is held or changed.")
    elif not policy.rules:
        yield warning(
            "policy", "There is no rule in it: all mail is forwarded. Leave `packs` out for all built-in ones."
        )
    elif not any(policy.enforces(rule) for rule in policy.rules):
        yield warning("policy", "Every rule in it only observes: nothing is held or changed.")


def _people(policy: Policy) -> Iterator[Remark]:
    """Domains at which anybody can have a mailbox are nobody's own; who is inside is no partner too."""
    anybody = frozenset(packs.free_mail())
    for key, named, means in (
        ("inside", policy.inside.patterns, "strangers count as your own people"),
        ("partners", policy.partners.patterns, "strangers are never hidden from each other"),
    ):
        for pattern in named:
            if canonical_domain(pattern.removeprefix("*.")) in anybody:
                yield warning(
                    "policy", f"{pattern} in `{key}` is a free-mail provider, so {means}. Name your own domains only."
                )
    for pattern in policy.partners.patterns:
        if pattern in policy.inside.patterns:
            yield warning("policy", f"{pattern} is in `inside` and in `partners`; it counts as inside.")


def _names(policy: Policy) -> Iterator[Remark]:
    """Domains without a dot: on the internet nobody has one, so an address or the rest of a name was forgotten."""
    named = {
        "`inside`": policy.inside.patterns,
        "`partners`": policy.partners.patterns,
        "`lists`": policy.lists,
        **{f"the group {name}": one.domains.patterns for name, one in policy.groups.items()},
        **{f"the team {name}": one.members.domains.patterns for name, one in policy.teams.items() if one.members},
        **{f"the rule {one.rule.id}": tuple(_written(one.rule)) for one in policy.rules},
    }
    for place, patterns in named.items():
        for pattern in patterns:
            if "@" not in pattern and "." not in pattern.removeprefix("*."):
                yield warning("policy", f"{pattern} in {place} has no dot; write a whole domain, or an address.")


def _written(rule: Rule) -> Iterator[str]:
    """Yield the addresses and domains in the scopes and exceptions of a rule."""
    blocks: tuple[Only | Unless, ...] = (*rule.only, *rule.unless)
    for block in blocks:
        yield from block.sender or ()
        yield from block.recipients if isinstance(block.recipients, tuple) else ()


def _dates(policy: Policy, now: datetime) -> Iterator[Remark]:
    """Rules and scopes whose time is over: dead lines, or a date that was meant otherwise."""
    for rule in policy.rules:
        if rule.rule.is_over(now) and rule.rule.until is not None:
            until = moment_written(rule.rule.until, end=True)
            yield warning("policy", f"The rule {rule.rule.id} is over since {until}. Take it out, or change `until`.")
    for rule in policy.rules:
        scope = rule.within
        if scope is not None and scope.is_over(now) and scope.until is not None:
            until = moment_written(scope.until, end=True)
            yield warning(
                "policy", f"A scope that changes {rule.rule.id} is over since {until}. Take it out, or change `until`."
            )


def _teams(policy: Policy) -> Iterator[Remark]:
    """Teams that no rule asks for, and people in them who are not inside: their mail seldom comes this way."""
    used: set[str] = set()
    for rule in policy.rules:
        for only in (*rule.rule.only, *(rule.within.only if rule.within is not None else ())):
            used.update(only.team or ())
        for unless in rule.rule.unless:
            used.update(unless.team or ())
    for name, team in policy.teams.items():
        if name not in used:
            yield warning("policy", f"No rule asks for the team {name}.")
        if team.members is None:
            yield warning(
                "policy",
                f"Nobody knows yet who is in the team {name}; the gateway asks the directory when it starts, and here "
                "nobody counts as one of them where that would be milder. `check --live` asks now.",
            )
        elif strangers := sum(not policy.inside.contains(one) for one in team.members.addresses):
            yield warning("policy", f"{strangers} addresses in the team {name} are not inside.")


# --- the network ------------------------------------------------------------------------------------------------------


def _listeners(settings: Settings) -> Iterator[Remark]:
    name = settings.host_name()
    if not is_host_name(name):
        yield wrong("hostname", "The name of this machine cannot be used in mail; write `hostname:`.")
    elif "." not in name or name.startswith("localhost"):
        yield warning(
            "hostname", f"The gateway is called {name}; other servers expect a full name. Write `hostname:` with one."
        )
    for listener in settings.listeners:
        about = f"listener {listener.address}"
        if listener.tls == "none" and not all(network.is_private for network in listener.networks):
            yield warning(
                about, "Mail comes in without TLS, from public networks too. Write `tls: starttls` with a certificate."
            )
        if listener.certificate is not None and listener.key is not None and listener.tls != "none":
            yield from _identity(listener, listener.certificate, listener.key, name)
            yield from _readable_by_others(listener.key, f"{about}: key {listener.key}")
        if listener.tenant_header is not None and listener.tenant_header.value_file is not None:
            yield from _secret(listener.tenant_header.value_file, about, "secret values")


def _identity(listener: Listener, certificate: Path, key: Path, name: str) -> Iterator[Remark]:
    from dlp_gateway.checks import certificates  # noqa: PLC0415  most configurations name none
    from dlp_gateway.smtp.identity import Files  # noqa: PLC0415  as above

    asked = listener.client_certificate
    files = Files(
        certificate=certificate, key=key, asks=asked is not None, authorities=None if asked is None else asked.ca_file
    )
    found = certificates.remarks(files, name, datetime.now(UTC))
    yield from (one for one in found if one.level is not Level.OK)


def _login(settings: Settings) -> Iterator[Remark]:
    """The file of users must be one; a secret that the directory wants, and nobody else's."""
    login = settings.login
    if login is None:
        return
    if login.ldap is not None and login.ldap.bind_password_file is not None:
        yield from _secret(login.ldap.bind_password_file, "login", "searcher's password")
    if login.backend == "users":
        from dlp_gateway.login import file as users_file  # noqa: PLC0415  most configurations have no logins

        try:
            users, _ = users_file.load(login.users_file)
        except ConfigurationError as error:
            yield from (wrong("login", str(one)) for one in error.problems)
        else:
            if not users:
                yield warning("login", "Nobody can log in yet; `dlp-gateway users add NAME` adds a user.")


def _smarthost(settings: Settings) -> Iterator[Remark]:
    host = settings.smarthost
    about = f"smarthost {', '.join(hop.host for hop in host.hops)}"
    if not all(is_local(hop.host) for hop in host.hops):
        if host.tls == "none":
            yield warning(about, "Mail goes to it without TLS, readable on the way. Write `tls: required`.")
        elif host.tls == "opportunistic":
            yield warning(
                about,
                "TLS is used if it is offered, and nobody looks at the certificate: whoever stands in between can "
                "switch it off. Write `tls: required` if it has a valid certificate (`check --live` tells).",
            )
    if host.tls != "implicit" and any(hop.port == _IMPLICIT_PORT for hop in host.hops):
        yield warning(
            about,
            "Servers speak TLS from the first byte on port 465, and would wait for us as we for them. Write "
            "`tls: implicit`, or take port 587 or 25.",
        )
    if host.ca_file is not None:
        yield from _filled(host.ca_file, about, "authorities")
    if host.password_file is not None:
        yield from _secret(host.password_file, about, "password")


def _admin(settings: Settings) -> Iterator[Remark]:
    address = settings.admin.address
    if not is_local(address.host):
        yield warning(
            f"admin {address}",
            "It has no login, and whoever reaches it reads the metrics. Keep it on 127.0.0.1, or behind a firewall.",
        )


# --- files ------------------------------------------------------------------------------------------------------------


def _custody(settings: Settings) -> Iterator[Remark]:
    key, base = settings.custody.key_file, database(settings)
    if key.resolve().parent == base.resolve().parent:
        yield warning(
            "custody",
            f"The key {key} and the database lie in one folder, and a copy of it opens all held mail. Give the key a "
            "folder of its own.",
        )
    mode = _mode_of(key)
    if mode is not None and mode & 0o077:
        yield wrong("custody", f"Others may read the key; run: chmod 600 {key}")
    mode = _mode_of(base.parent)
    if mode is not None and mode & 0o002:
        yield warning(
            "custody", f"Everybody may write in {base.parent}; give the database a folder of its own, mode 700."
        )


def _tables(settings: Settings, policy: Policy) -> Iterator[Remark]:
    """Tables of own records that nobody asks for, that are old, or that the service may not read."""
    if policy.tables:
        from dlp_gateway.checks import records  # noqa: PLC0415  most policies name none

        yield from records.remarks(policy, database(settings), datetime.now(UTC))


def _written_by_others(path: Path, settings: Settings) -> Iterator[Remark]:
    for file in (path, settings.policy):
        mode = _mode_of(file)
        if mode is not None and mode & 0o022:
            yield warning(str(file), f"Others than its owner may change what is allowed; run: chmod go-w {file}")


def _secret(file: Path, about: str, what: str) -> Iterator[Remark]:
    """Yield what is wrong with a file that holds a secret."""
    yield from _filled(file, about, what)
    yield from _readable_by_others(file, f"{about}: {what} in {file}")


def _filled(file: Path, about: str, what: str) -> Iterator[Remark]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_SECRET_LIMIT)
    except OSError as error:
        yield wrong(about, f"The {what} cannot be read from {file}: {error.strerror}.")
    else:
        if not content.strip():
            yield wrong(about, f"{file} is empty; it must hold the {what}.")


def _readable_by_others(file: Path, about: str) -> Iterator[Remark]:
    """Yield a warning for a secret that everybody may read; its group may, as certificate keys often have one."""
    mode = _mode_of(file)
    if mode is not None and mode & 0o007:
        yield warning(about, f"Everybody on this machine may read it; run: chmod o= {file}")


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
