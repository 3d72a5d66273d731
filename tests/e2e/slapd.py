"""A real slapd in a private directory: people, groups of them, one searcher, TLS on both of its ports."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.e2e.authority import Identity, issue
from tests.e2e.postfix import free_port

BASE: Final = "dc=corp,dc=example"
SEARCHER: Final = f"cn=searcher,{BASE}"

_CONFIGURATION: Final = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {tls.authority}
TLSCertificateFile {tls.certificate}
TLSCertificateKeyFile {tls.key}
require none
allow bind_anon_dn bind_anon_cred
database mdb
suffix "{base}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{searcher}" read by self read by * none
"""

_PERSON: Final = """
dn: uid={uid},ou=people,{base}
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
mail: {uid}@corp.example
userPassword: {secret}
"""

_GROUP: Final = """
dn: cn={name},ou=groups,{base}
objectClass: groupOfNames
cn: {name}
"""

_WITHIN: Final = 60.0  # seconds


class Slapd:
    """One instance; `secrets` are the passwords of the people by uid, and that of the searcher by "".

    `groups` are the names (uid=… or cn=…, without what stands below) of their members.
    """

    def __init__(self, secrets: dict[str, str], groups: dict[str, tuple[str, ...]] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="slapd-"))
        self.tls: Identity = issue(self._folder / "tls")
        self.port, self.secure_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (self._folder / "data").mkdir()
        self._configuration = self._folder / "slapd.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(folder=self._folder, tls=self.tls, base=BASE, searcher=SEARCHER)
        )
        people = "".join(_PERSON.format(uid=uid, base=BASE, secret=secret) for uid, secret in secrets.items() if uid)
        entries = (
            f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: Corp\n\n"
            f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n"
            f"dn: {SEARCHER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: searcher\n"
            f"userPassword: {secrets['']}\n{people}\n"
            f"dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n"
        )
        for name, members in (groups or {}).items():
            entries += _GROUP.format(name=name, base=BASE) + "".join(f"member: {_full(one)}\n" for one in members)
        command = ("/usr/sbin/slapadd", "-f", self._configuration)
        subprocess.run(command, input=entries.encode(), check=True, capture_output=True, timeout=_WITHIN)

    @property
    def url(self) -> str:
        """Where StartTLS is spoken."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def secure_url(self) -> str:
        """Where TLS is spoken at once."""
        return f"ldaps://127.0.0.1:{self.secure_port}"

    def regroup(self, name: str, *members: str) -> None:
        """Change the members of a group; stops and starts it."""
        self.halt()
        change = f"dn: cn={name},ou=groups,{BASE}\nchangetype: modify\nreplace: member\n"
        change += "".join(f"member: {_full(one)}\n" for one in members)
        command = ("/usr/sbin/slapmodify", "-f", self._configuration)
        subprocess.run(command, input=change.encode(), check=True, capture_output=True, timeout=_WITHIN)
        self.start()

    def start(self) -> None:
        """Start it in the foreground of a process of ours, and wait until it listens, which it does after all else."""
        urls = f"{self.url} {self.secure_url}"
        self._process = subprocess.Popen(
            ("/usr/sbin/slapd", "-d", "0", "-f", self._configuration, "-h", urls),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _WITHIN
        while not all(map(_listens, (self.port, self.secure_port))):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("slapd did not start")
            time.sleep(0.05)

    def halt(self) -> None:
        """Stop it; it can be started again."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_WITHIN)
            self._process = None

    def stop(self) -> None:
        """Stop it and take its folder away."""
        self.halt()
        shutil.rmtree(self._folder, ignore_errors=True)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def _full(name: str) -> str:
    return f"{name},ou={'groups' if name.startswith('cn=') else 'people'},{BASE}"
