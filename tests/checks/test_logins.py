"""Whether those who check passwords answer."""

import asyncio
from pathlib import Path

from dlp_gateway.checks import logins
from tests.checks.conftest import Configure, Issue


def listener(issue: Issue) -> dict[str, object]:
    """Return a listener that wants a login."""
    pair = issue("gateway.corp.example")
    return {
        "address": "127.0.0.1:2525",
        "tls": "implicit",
        "auth": "required",
        "certificate": str(pair.certificate),
        "key": str(pair.key),
    }


async def test_without_logins_nobody_is_asked(configure: Configure) -> None:
    """No line about what is not there."""
    assert await logins.backend(configure()[1]) == ()


async def test_a_file_of_users_answers(configure: Configure, issue: Issue, tmp_path: Path) -> None:
    """An empty one too: it says no."""
    (tmp_path / "users").touch(mode=0o600)
    (remark,) = await logins.backend(configure(listeners=[listener(issue)], login={"backend": "users"})[1])
    assert (remark.level, remark.about, remark.says) == ("ok", "login, users", "It answers.")


async def test_dovecot_that_is_not_there(configure: Configure, issue: Issue) -> None:
    """The sentence says where to look."""
    login = {"backend": "dovecot", "dovecot": {"socket": "nowhere.sock"}}
    (remark,) = await logins.backend(configure(listeners=[listener(issue)], login=login)[1])
    assert remark.level == "problem"
    assert remark.says.startswith("It cannot be reached. Is it running")


async def test_something_else_in_dovecots_place(configure: Configure, issue: Issue, tmp_path: Path) -> None:
    """A socket of another service is the usual mistake."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mta.example ESMTP\nDONE\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(babble, tmp_path / "other.sock")
    login = {"backend": "dovecot", "dovecot": {"socket": "other.sock"}}
    (remark,) = await logins.backend(configure(listeners=[listener(issue)], login=login)[1])
    server.close()
    assert remark.level == "problem"
    assert remark.says.startswith("It does not speak as it should.")
