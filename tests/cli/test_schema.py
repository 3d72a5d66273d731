"""`dlp-gateway schema`: an editor sees the same faults as `check`, as far as a schema can."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import GATEWAY, POLICY, Run

ROOT: Final = Path(__file__).parents[2]
CHECKER: Final = Path(sys.executable).with_name("check-jsonschema")

LISTENER: Final = GATEWAY.replace("{", "{{").replace("}", "}}").replace("networks: [127.0.0.0/8]", "{}")
GOOD_GATEWAY: Final = (
    GATEWAY,
    (ROOT / "deploy" / "systemd" / "gateway.yaml").read_text(),
    GATEWAY + "limits: {message_size: 10000000, idle: 90s}\njournal: {keep: 2w}\nlog: {level: debug}\n",
    GATEWAY.replace("tls: none", "tls: required, user: gateway, password_file: secret"),
    GATEWAY.replace("tls: none", "tls: implicit, user: gateway, password_file: secret"),
    LISTENER.format("tls: starttls, certificate: a.pem, key: b.pem, networks: [127.0.0.0/8]"),
    LISTENER.format("tls: implicit, certificate: a.pem, key: b.pem, auth: required") + "login: {backend: users}\n",
    LISTENER.format("tls: implicit, certificate: a.pem, key: b.pem, auth: required")
    + "login: {backend: dovecot, dovecot: {socket: /run/auth, own_address: true}}\n",
    LISTENER.format("tls: implicit, certificate: a.pem, key: b.pem, auth: required")
    + "login: {backend: ldap, ldap: {url: 'ldaps://ldap.corp.example', base: 'dc=corp,dc=example'}}\n",
    LISTENER.format(
        "tls: starttls-required, certificate: a.pem, key: b.pem, networks: [40.92.0.0/15], reverse_path: inside,"
        " client_certificate: {names: [mail.example.net]}, tenant_header: {name: X-Tenant, values: [ours]}"
    ),
)
BAD_GATEWAY: Final = (
    LISTENER.format("tls: none"),
    LISTENER.format("tls: none, auth: required, networks: [127.0.0.0/8]") + "login: {backend: users}\n",
    LISTENER.format("networks: [127.0.0.0/8], client_certificate: {names: [mail.example.net]}"),
    LISTENER.format("networks: [127.0.0.0/8], tenant_header: {name: X-Tenant}"),
    LISTENER.format("networks: [127.0.0.0/8], tenant_header: {name: X-Tenant, values: [a], value_file: b}"),
    GATEWAY + "login: {backend: dovecot}\n",
    GATEWAY + "login: {backend: users, dovecot: {socket: /run/auth}}\n",
    GATEWAY + "login: {backend: dovecot, dovecot: {}}\n",
    GATEWAY + "login: {backend: ldap, ldap: {url: 'ldaps://ldap.corp.example'}}\n",
    "listeners: []\n",
    GATEWAY.replace("port: 2526", "prot: 2526"),
    GATEWAY.replace("port: 2526", "port: 99999"),
    GATEWAY.replace("port: 2526", "port: '2526'"),
    GATEWAY.replace("127.0.0.1:2525", "127.0.0.1"),
    GATEWAY.replace("[127.0.0.0/8]", "[]"),
    GATEWAY.replace("tls: none", "tls: sometimes"),
    GATEWAY.replace("tls: none", "tls: none, user: gateway, password_file: secret"),
    GATEWAY.replace("tls: none", "tls: required, user: gateway"),
    GATEWAY.replace("tls: none", "tls: required, password_file: secret"),
    GATEWAY.replace('2525", net', '2525", tls: starttls, net'),
    GATEWAY + "journal: {keep: 90}\n",
    GATEWAY + "journal: {keep: 90 days}\n",
    GATEWAY + "limits: {message_size: 50 MB}\n",
    GATEWAY + "limits: {recipients: 5}\n",
    GATEWAY + "log: {level: no}\n",
)
GOOD_POLICY: Final = (
    POLICY,
    (ROOT / "deploy" / "systemd" / "policy.yaml").read_text(),
    POLICY
    + "mode: observe\npartners: [partner.example]\nset: {bulk-visible.outsiders: 5, bulk-visible.mode: observe}\n",
    POLICY
    + "packs: []\nactions: {later: {do: delay, for: 5m}, keep: {do: hold, expire_after: 2d, reply: refuse}}\n"
    + "rules:\n- {id: a, when: {finding: 'identifier.*', count: 3, confidence: high}, then: later}\n"
    + "- {id: b, when: {any: [{finding: 'defect.*'}, {all: [{finding: 'unreadable.*'}]}]}, then: keep,"
    + " unless: {recipients: inside}}\n"
    + "- {id: c, when: {finding: 'recipients.*'}, then: hide, unless: [{sender: [a.example]},"
    + " {recipients: [b.example], client: [192.0.2.0/28]}]}\n",
    POLICY
    + "teams: {sales: [sales.corp.example], board: [ann@corp.example]}\n"
    + "scopes: [{only: {team: sales}, set: {bulk-visible.outsiders: 20}, from: 2026-12-01, until: 2026-12-24}]\n"
    + "rules:\n- {id: a, when: {finding: 'identifier.*'}, then: review, until: '2027-01-01T00:00:00+01:00',"
    + " only: [{team: [sales, board]}, {login: [scanner], recipients: [b.example]}], unless: {team: board}}\n",
)
RULE: Final = POLICY + "rules: [{{id: {}, when: {}, then: review{}}}]\n"
BAD_POLICY: Final = (
    "inside: [corp.example]\n",
    "version: 2\ninside: [corp.example]\n",
    "version: 1\ninside: []\n",
    "version: 1\ninside: corp.example\n",
    POLICY + "mode: watch\n",
    POLICY + "inisde: [x.example]\n",
    POLICY + "set: {bulk-visible.outsiders: [5]}\n",
    POLICY + "actions: {later: {do: delay}}\n",
    POLICY + "actions: {later: {do: wait, for: 5m}}\n",
    POLICY + "actions: {Later!: {do: delay, for: 5m}}\n",
    POLICY + "actions: {no: {do: reject, explanation: x, for: 5m}}\n",
    RULE.format("Bad_Id", "{finding: 'identifier.*'}", ""),
    RULE.format("a", "{}", ""),
    RULE.format("a", "{finding: 'identifier.*', any: [{finding: 'defect.*'}]}", ""),
    RULE.format("a", "{any: [{finding: 'identifier.*'}], count: 2}", ""),
    RULE.format("a", "{finding: 'identifier.*', count: 0}", ""),
    RULE.format("a", "{any: []}", ""),
    RULE.format("a", "{finding: 'identifier.*'}", ", unless: {}"),
    RULE.format("a", "{finding: 'identifier.*'}", ", unless: {sender: }"),
    RULE.format("a", "{finding: 'identifier.*'}", ", unless: {content: [x]}"),
    RULE.format("a", "{finding: 'identifier.*'}", ", mode: sometimes"),
    RULE.format("a", "{finding: 'identifier.*'}", ", only: {}"),
    RULE.format("a", "{finding: 'identifier.*'}", ", only: {team: []}"),
    RULE.format("a", "{finding: 'identifier.*'}", ", until: tomorrow"),
    RULE.format("a", "{finding: 'identifier.*'}", ", from: 2026-12-24T18:00:00"),
    POLICY + "teams: {Sales: [sales.corp.example]}\n",
    POLICY + "teams: {sales: []}\n",
    POLICY + "scopes: [{only: {login: [a]}}]\n",
    POLICY + "scopes: [{only: [], set: {bulk-visible.outsiders: 20}}]\n",
)


def verdicts(run: Run, folder: Path, name: str, texts: tuple[str, ...]) -> list[tuple[str, bool, bool]]:
    """Return each text with what the schema says of it and what `check` says: whether it can be used."""
    schema = folder / "schema.json"
    schema.write_text(run("schema", name).stdout)
    other = {"gateway": ("policy", POLICY), "policy": ("gateway", GATEWAY)}[name]
    (folder / f"{other[0]}.yaml").write_text(other[1])
    found = []
    for number, text in enumerate(texts):
        file = folder / f"{number}.yaml"
        file.write_text(text)
        (folder / f"{name}.yaml").write_text(text)
        told = json.loads(run("check", "--json").stdout.splitlines()[0])
        # Warnings that files named there are missing are no matter of the grammar.
        found.append((str(file), text, "problem" not in told))
    command = [CHECKER, "--schemafile", schema, "--output-format", "json", *(file for file, _, _ in found)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    faulty = {one["filename"] for one in report.get("errors", [])}
    assert report.get("parse_errors", []) == []
    return [(text, file not in faulty, usable) for file, text, usable in found]


@pytest.mark.parametrize(
    ("name", "texts", "usable"),
    [
        ("gateway", GOOD_GATEWAY, True),
        ("gateway", BAD_GATEWAY, False),
        ("policy", GOOD_POLICY, True),
        ("policy", BAD_POLICY, False),
    ],
    ids=["good gateway", "bad gateway", "good policy", "bad policy"],
)
def test_the_schema_agrees_with_check(
    run: Run, config: Path, name: str, texts: tuple[str, ...], *, usable: bool
) -> None:
    """Each file is seen by both, and both say the same."""
    expected = [(text, usable, usable) for text in texts]
    assert verdicts(run, config.parent, name, texts) == expected


@pytest.mark.parametrize("name", ["gateway", "policy"])
def test_the_schema_is_one_and_explains_every_key(run: Run, config: Path, name: str) -> None:
    """It follows its dialect, names itself, lets no unknown key pass, and describes each."""
    text = run("schema", name).stdout
    schema = json.loads(text)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:dlp-gateway:schema:{name}"
    file = config.parent / "schema.json"
    file.write_text(text)
    subprocess.run([CHECKER, "--check-metaschema", file], check=True, capture_output=True)
    for model in (schema, *schema["$defs"].values()):
        if model.get("type") == "object":
            assert model["additionalProperties"] is False
            assert model["description"]
            told = {key for key, value in model["properties"].items() if "description" in value or "$ref" in value}
            assert set(model["properties"]) - told <= {"do"}
