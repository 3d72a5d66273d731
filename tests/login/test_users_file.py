"""Passwords checked by the file of users: right, wrong, unknown at the same cost, and a file that changes."""

import asyncio
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest

from dlp_gateway.login import UsersFile, file, passwords, users_file
from dlp_gateway.login.passwords import Profile, hashed
from dlp_gateway.login.users import User
from dlp_gateway.ports import Login, LoginUnavailable

CHEAP = Profile(memory=64, passes=1, lanes=1)
WORDS = "open sesame"


def write(path: Path, *users: User) -> None:
    """Put users into the file."""
    file.change(path, lambda _: {passwords.prepared_name(user.name): user for user in users})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with Ann, who is bound, and Bob, who is not."""
    path = tmp_path / "users"
    ann = User(name="Ann@corp.example", password=hashed(WORDS, CHEAP), addresses=("ann@corp.example",))
    write(path, ann, User(name="bob", password=hashed("another word", CHEAP)))
    return path


@pytest.fixture
async def users(path: Path) -> AsyncIterator[UsersFile]:
    """Who knows them."""
    one = UsersFile(path, hashes=2)
    yield one
    await one.close()


async def test_right_and_wrong(users: UsersFile) -> None:
    """The name as the file has it, and to what it is bound; None for all that is wrong."""
    ann = Login(name="Ann@corp.example", bound_to=("ann@corp.example",))
    assert await users.verify("ANN@corp.example", WORDS, client="::1") == ann
    assert await users.verify("bob", "another word", client="::1") == Login(name="bob")
    assert await users.verify("bob", WORDS, client="::1") is None
    assert await users.verify("nobody", WORDS, client="::1") is None


async def test_an_unknown_name_is_hashed_for(users: UsersFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hash for each attempt, known or not, of the users' own kind: time tells no name, and no password opens it."""
    seen: list[str] = []

    def matches(password: str, phc: str) -> bool:
        seen.append(phc)
        return passwords.matches(password, phc)

    monkeypatch.setattr(users_file, "matches", matches)
    for name in ("bob", "nobody", "nobody", "somebody", "ann@corp.example"):
        for word in (WORDS, "another word"):
            assert (await users.verify(name, word, client="::1") is None) or name in {"bob", "ann@corp.example"}
    known = {user.password for user in file.load(users._path)[0].values()}
    assert len(seen) == 10
    assert set(seen) <= known
    assert seen[2] == seen[3] == seen[4] == seen[5]


async def test_a_file_without_users_lets_nobody_in(tmp_path: Path) -> None:
    """An unknown name still costs a hash."""
    path = tmp_path / "users"
    path.touch(mode=0o600)
    one = UsersFile(path, hashes=1)
    assert await one.verify("ann", WORDS, client="::1") is None
    assert one._nobody.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    await one.close()


async def test_a_change_is_seen_and_a_broken_file_is_not(users: UsersFile, path: Path, log_lines: StringIO) -> None:
    """Added users can log in at once; what has problems leaves the old users, and is told once."""
    assert await users.verify("cy", WORDS, client="::1") is None
    write(path, User(name="cy", password=hashed(WORDS, CHEAP)))
    assert await users.verify("cy", WORDS, client="::1") == Login(name="cy")
    path.write_text("broken\n")  # noqa: ASYNC240  a few octets
    for _ in range(3):
        assert await users.verify("cy", WORDS, client="::1") == Login(name="cy")
    path.unlink()  # noqa: ASYNC240  as above
    for _ in range(3):
        assert await users.verify("cy", WORDS, client="::1") == Login(name="cy")
    written = log_lines.getvalue()
    assert (written.count('"users_read"'), written.count('"users_refused"')) == (2, 2)
    assert "cy" not in written


async def test_a_file_that_was_never_there_cannot_tell(tmp_path: Path) -> None:
    """Not "wrong": a receiver that starts while the file is away must not ask people for new passwords."""
    one = UsersFile(tmp_path / "users", hashes=1)
    for _ in range(2):
        with pytest.raises(LoginUnavailable, match="users"):
            await one.verify("ann", WORDS, client="::1")
    write(tmp_path / "users", User(name="ann", password=hashed(WORDS, CHEAP)))
    assert await one.verify("ann", WORDS, client="::1") == Login(name="ann")
    await one.close()


async def test_the_loop_turns_while_passwords_are_hashed(path: Path) -> None:
    """Hashing is done in threads: other sessions get their turn in between."""
    write(path, User(name="dear", password=hashed(WORDS)))
    one = UsersFile(path, hashes=1)
    verifying = asyncio.create_task(one.verify("dear", WORDS, client="::1"))
    turns = 0
    while not verifying.done():
        await asyncio.sleep(0)
        turns += 1
    assert await verifying == Login(name="dear")
    assert turns > 10
    await one.close()
