"""The first gateway.yaml and policy.yaml as text: what was answered, and every setting worth knowing with its default.

A line whose `#` is followed by a key at once is a setting with its default: without the `#` the file means the same.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Sender(StrEnum):
    """Who hands mail over to the gateway."""

    POSTFIX = "postfix"
    EXCHANGE = "exchange"
    CLIENTS = "clients"
    LOGINS = "logins"
    MICROSOFT = "microsoft"
    GOOGLE = "google"


#: From where each service sends, for all of its customers (settings/shared_senders.yaml has all, and since when).
SERVICES: Final = {
    Sender.MICROSOFT: (
        *("40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17"),
        *("2a01:111:f400::/48", "2a01:111:f403::/48"),
    ),
    Sender.GOOGLE: (
        *("74.125.0.0/16", "209.85.128.0/17", "2001:4860:4864::/56", "2404:6800:4864::/56", "2607:f8b0:4864::/56"),
        *("2800:3f0:4864::/56", "2a00:1450:4864::/56", "2c0f:fb50:4864::/56"),
    ),
}

#: Those from whom nothing is taken without TLS.
GUARDED: Final = frozenset({Sender.LOGINS, Sender.MICROSOFT, Sender.GOOGLE})

#: The field that Google adds to each of our mails, with a value that only both of us know.
GOOGLE_FIELD: Final = "X-DLP-Gateway-Secret"
GOOGLE_FILE: Final = "google.secret"
USERS_FILE: Final = "users"


#: Where servers speak TLS from the first byte.
IMPLICIT_PORT: Final = 465


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHop:
    """The smarthost; a login needs TLS that is `required` or `implicit`."""

    host: str
    port: int = 25
    tls: Literal["none", "opportunistic", "required", "implicit"] = "opportunistic"
    user: str = ""
    password_file: str = ""


def smarthost_at(host: str, port: int) -> NextHop:
    """Return the smarthost at a port, with the TLS that is spoken there (RFC 8314 7.3)."""
    return NextHop(host=host, port=port, tls="implicit" if port == IMPLICIT_PORT else "opportunistic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the two files need to know; texts are what the settings of the same name take.

    `certificate` and `key` go together and turn STARTTLS on; a sender that is `GUARDED` needs them. `networks` may be
    empty where clients log in. `tenant` is the customer's id at Microsoft. `reviewers` are told by mail what waits.
    `local_networks` are shown in a comment. `schemas`: the JSON Schemas lie beside the files.
    """

    inside: tuple[str, ...]
    next_hop: NextHop
    database: str
    key_file: str
    sender: Sender = Sender.POSTFIX
    partners: tuple[str, ...] = ()
    address: str = "127.0.0.1:2525"
    networks: tuple[str, ...] = ("127.0.0.0/8",)
    certificate: str = ""
    key: str = ""
    tenant: str = ""
    hostname: str = ""
    reviewers: tuple[str, ...] = ()
    local_networks: tuple[str, ...] = ()
    schemas: bool = False


_HOW: Final = {
    Sender.POSTFIX: "# Postfix hands its outgoing mail over: `relayhost = [{address}]:{port}` in its main.cf.",
    Sender.EXCHANGE: "# Exchange hands its outgoing mail over: a send connector whose smart host is this address.",
    Sender.CLIENTS: "# Mail clients, devices and programs send through it as their outgoing server.",
    Sender.LOGINS: "# Mail clients send through it as their outgoing server, and log in with a password.",
    Sender.MICROSOFT: "# Microsoft 365 hands its outgoing mail over: an outbound connector that names this host.",
    Sender.GOOGLE: "# Google Workspace hands its outgoing mail over: this host is its outbound gateway.",
}

_FIELDS: Final = {Sender.MICROSOFT: "X-MS-Exchange-CrossTenant-Id", Sender.GOOGLE: GOOGLE_FIELD}
_SHARED: Final = (
    "    # The service sends from there for all its customers: the field tells ours, and the sender must be inside."
)
_NETWORKS: Final = (
    "    # Only hosts in these networks may send: name those of your mail servers and mail clients, and no others.\n"
)
_LOGIN: Final = """\
# By whom passwords are checked; Dovecot and LDAP can be asked instead. `dlp-gateway users add NAME` adds a user.
login:
  backend: users
  #users_file: users

"""

_NO_LOGIN: Final = """\
# By whom passwords are checked, for listeners with `auth: required`: a file of users, Dovecot, or LDAP.
# login: {backend: users}

"""

_GATEWAY: Final = """\
# How the gateway runs. Written by `dlp-gateway init`; docs/operating.md tells every setting.
# A line with # and no blank after it shows a default: take the # away to change it.
# After a change: `dlp-gateway check --live`, then reload (SIGHUP, or systemctl reload dlp-gateway).

# Our name in greetings and trace fields; the certificate should be for it.
{hostname}

# Where mail comes in, and from whom.
{how}
listeners:
  - address: {address}
{who}
    # none, starttls (where the client wants it), starttls-required, or implicit (from the first byte; port 465).
{tls}

{login}# Where `teams` of policy.yaml that have a filter are looked up (LDAP, an extra).
# directory: {{url: "ldaps://ldap.corp.example", base: "dc=corp,dc=example"}}

# The one next mail server, to which all mail goes. Let the firewall allow the way to it to the gateway alone.
smarthost:
  host: {host}
  port: {port}
  # none, opportunistic (where it is offered, unchecked), required (only with a valid certificate), or implicit (the
  # same from the first byte: port 465).
{smarthost_tls}
  # A login needs `required` or `implicit`. The password stands alone in a file that only the gateway's user can read:
{credentials}
  # Several in place of host and port; the one of the least priority number that answers gets the mail.
  # hosts: [{{host: mail1.example.net}}, {{host: mail2.example.net, priority: 20}}]
  # While none can be reached: defer (clients try again) or accept (the mail waits in custody).
  #unreachable: defer
  # Connections kept, for each receiver and host.
  #connections: 20
  #timeouts: {{connect: 10s, command: 1m, final_dot: 8m}}

# Mail that waits: for a reviewer, or for the smarthost. Encrypted; without the key file nobody can read or deliver it.
custody:
  url: {database}
  # Made at the first start. Back it up, and not to where the database's backups go.
  key_file: {key_file}
  # How long delivered, discarded and expired mail stays readable.
  #keep: 30d
  # A connection lost after the final dot: ask a reviewer, or retry and risk a second copy.
  #in_doubt: ask
  #retry: {{first: 1m, longest: 1h, max_age: 5d}}

# Authors are told by mail, in their language, what became of their mail. Reviewers, who must be inside, get a digest of
# what waits for a decision, and at once what a rule of high severity held.
{notices}

# Who wrote to whom, which rules matched, and what the smarthost said: encrypted like custody.
#journal: {{keep: 90d}}

# /metrics, /livez and /readyz; without login, so keep it inside.
#admin: {{address: "127.0.0.1:8025"}}

# What one client, one session and one message may ask for.
#limits: {{message_size: 50MB, recipients: 1000, connections: 1000, connections_per_client: 100, hops: 50, idle: 5m}}

# How much reading and measuring one message may cost.
#inspection: {{deadline: 30s, in_place: 64KB, memory: 512MB, workers: 1}}

# Left out: a receiver for each core.
# processes: {{receivers: 2}}

# json: one object a line; console: for reading. Never text of a message.
#log: {{level: info, format: json}}

# What may leave.
#policy: policy.yaml
"""

_POLICY: Final = """\
# What may leave. Written by `dlp-gateway init`; docs/policy.md tells every key.
# A line with # and no blank after it shows a default. After a change: `dlp-gateway check`, then reload.

# observe: count and write down what the rules would do; hold and change NOTHING. This is how to begin.
# enforce: act. Change it when the log and `dlp-gateway send-test` show what you want.
mode: observe

version: 1

# Your own domains: everybody else is outside. A bare domain does not mean its subdomains; "*.{domain}" does.
inside: {inside}

# Domains whose people may be seen together with yours; they are not hidden from anybody.
{partners}

# People outside who work together and may see each other: by name, a list or the path of a file with one a line.
# groups: {{board: [chair@firm.example, law.example]}}

# Your mailing lists with members outside, who are meant to read each other.
# lists: [members@{domain}]

# The packs of rules in force; left out: all built-in ones.
# packs: [bulk-visible, blind-recipients, reply-all, identity-documents, payment, unreadable]

# What packs let you change; docs/policy.md has the whole list.
# outsiders: so many strangers in To and Cc are hidden from each other. action: hide, or review if a person decides.
#set: {{bulk-visible.outsiders: 10, bulk-visible.action: hide, reply-all.audience: 10, payment.accounts: 10}}

# Groups of your own people (a list, a file, or a filter of the directory), and other numbers for the mail of some.
# teams: {{sales: [ann@{domain}]}}
# scopes: [{{only: {{team: sales}}, set: {{bulk-visible.outsiders: 20}}}}]

# Tables of your customers, patients or staff, made by `dlp-gateway edm build`: their data to others are held.
# edm: {{customers: ./customers.edm}}

# For how long earlier mail counts: what one sender showed and sent, and a mass mail that was stopped.
#memory: {{window: 24h, strike: 24h, learning: 10}}

# Rules of your own, beside those of the packs. An example:
# rules:
#   - id: cards-for-the-auditor-only
#     when: {{finding: identifier.CREDIT_CARD}}
#     unless: {{recipients: [auditor.example]}}
#     then: review
"""


def gateway_yaml(answers: Answers) -> str:
    """Return gateway.yaml."""
    hop = answers.next_hop
    return _schema_line(answers, "gateway") + _GATEWAY.format(
        hostname=f"hostname: {_text(answers.hostname)}" if answers.hostname else "# hostname: gateway.corp.example",
        how=_how(answers),
        address=_text(answers.address),
        who=_who(answers),
        tls=_tls(answers),
        login=_LOGIN if answers.sender is Sender.LOGINS else _NO_LOGIN,
        host=_text(hop.host),
        port=hop.port,
        smarthost_tls="  #tls: opportunistic" if hop.tls == "opportunistic" else f"  tls: {hop.tls}",
        credentials=_credentials(hop),
        database=_text(answers.database),
        key_file=_text(answers.key_file),
        notices=_notices(answers),
    )


def policy_yaml(answers: Answers) -> str:
    """Return policy.yaml, in observe mode."""
    return _schema_line(answers, "policy") + _POLICY.format(
        domain=answers.inside[0].removeprefix("*."),
        inside=_list(answers.inside),
        partners=f"partners: {_list(answers.partners)}" if answers.partners else "#partners: []",
    )


def _how(answers: Answers) -> str:
    address, _, port = answers.address.rpartition(":")
    return _HOW[answers.sender].format(address=address.strip("[]"), port=port)


def _schema_line(answers: Answers, name: str) -> str:
    return f"# yaml-language-server: $schema=./{name}.schema.json\n" if answers.schemas else ""


def _who(answers: Answers) -> str:
    """Return the lines that say who may send."""
    networks = f"    networks: {_list(answers.networks)}"
    match answers.sender:
        case Sender.LOGINS:
            if not answers.networks:
                networks = "    # Everybody may knock, and nobody sends who has not logged in. To narrow that:\n"
                networks += "    # networks: [192.0.2.0/24]"
            return f"    auth: required\n{networks}"
        case Sender.MICROSOFT | Sender.GOOGLE:
            by = (
                f"value_file: {GOOGLE_FILE}"
                if answers.sender is Sender.GOOGLE
                else f"values: {_list((answers.tenant,))}"
            )
            field = f"{{name: {_FIELDS[answers.sender]}, {by}}}"
            return f"{_SHARED}\n{networks}\n    tenant_header: {field}\n    reverse_path: inside"
        case _:
            others = [network for network in answers.local_networks if network not in answers.networks]
            local = f"    # Networks that this machine is in: {', '.join(others)}\n" if others else ""
            return f"{_NETWORKS}{local}{networks}\n    #auth: none"


def _tls(answers: Answers) -> str:
    if not answers.certificate:
        return "    #tls: none\n    # certificate: /etc/dlp-gateway/fullchain.pem\n    # key: /etc/dlp-gateway/key.pem"
    word = "starttls-required" if answers.sender in GUARDED else "starttls"
    return f"    tls: {word}\n    certificate: {_text(answers.certificate)}\n    key: {_text(answers.key)}"


def _credentials(hop: NextHop) -> str:
    if not hop.user:
        return "  # user: gateway@corp.example\n  # password_file: smarthost-password"
    return f"  user: {_text(hop.user)}\n  password_file: {_text(hop.password_file)}"


def _notices(answers: Answers) -> str:
    if not answers.reviewers:
        return "#notices: {authors: on, language: en, reviewers: [], digest: 1d}"
    return f"notices:\n  reviewers: {_list(answers.reviewers)}\n  #authors: on\n  #language: en\n  #digest: 1d"


def _text(value: str) -> str:
    """Return a text as YAML: JSON's strings are YAML's, and no text is taken for a number or a word."""
    return json.dumps(value, ensure_ascii=False)


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
