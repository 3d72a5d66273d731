"""The file of users: what it may hold, where it is wrong, and that writing it changes nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.errors import ConfigurationError
from dlp_gateway.login.passwords import prepared_name
from dlp_gateway.login.users import User, changed, is_pattern, read

HASH = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + "A" * 43

NAMES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="#"), min_size=1, max_size=20).filter(
    lambda name: len(prepared_name(name)) > 0 and prepared_name(name).isprintable()
)
USERS = st.builds(
    User,
    name=NAMES,
    password=st.just(HASH),
    addresses=st.lists(st.sampled_from(["ann@corp.example", "corp.example", "*.corp.example"])).map(tuple),
)


def problems(text: str) -> list[str]:
    """Return what is wrong with a file."""
    with pytest.raises(ConfigurationError) as caught:
        read(text, "users")
    return [str(problem) for problem in caught.value.problems]


def test_a_file_with_comments() -> None:
    """One user a line; empty lines, comments and ends of lines of other systems do not matter."""
    text = f"# who may send\r\n\r\nann@corp.example {HASH} ann@corp.example *.corp.example\r\n  bob\t{HASH}  \n"
    assert read(text, "users") == {
        "ann@corp.example": User(
            name="ann@corp.example", password=HASH, addresses=("ann@corp.example", "*.corp.example")
        ),
        "bob": User(name="bob", password=HASH),
    }
    assert read("", "users") == {}


def test_every_problem_is_told_at_once_and_quotes_nothing() -> None:
    """Line and column for each, and neither a name nor a hash: messages reach the log."""
    text = f"ann\nann secret-hash\nbob {HASH} not/an-address @x.example\ncy {HASH}\nCY {HASH}\nd\x1b {HASH}\n"
    found = problems(text)
    assert [problem.split(": ")[0] for problem in found] == [
        "users:1:1",
        "users:2:5",
        f"users:3:{6 + len(HASH)}",
        f"users:3:{6 + len(HASH) + len('not/an-address ')}",
        "users:5:1",
        "users:6:2",
    ]
    told = "\n".join(found)
    assert not any(word in told for word in ("ann ", "secret-hash", "bob", "CY", HASH))
    assert "first in line 4" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@corp.example", True),
        ("corp.example", True),
        ("*.corp.example", True),
        ("müller@bücher.example", True),
        ("localhost", True),
        ("ann@", False),
        ("@corp.example", False),
        ("ann@*.corp.example", False),
        ("*", False),
        ("a..b", False),
        ("corp.example.", False),
        ("ann@corp.example,bob@corp.example", False),
        ("x" * 250 + ".example", False),
    ],
)
def test_addresses_and_domains(text: str, *, expected: bool) -> None:
    """What a login can be bound to."""
    assert is_pattern(text) is expected


@given(users=st.lists(USERS, max_size=8, unique_by=lambda user: prepared_name(user.name)))
def test_what_is_written_is_read(users: list[User]) -> None:
    """Writing and reading are each other's reverse."""
    wanted = {prepared_name(user.name): user for user in users}
    assert read(changed("", wanted), "users") == wanted


@given(users=st.lists(USERS, min_size=2, max_size=8, unique_by=lambda user: prepared_name(user.name)), data=st.data())
def test_a_change_touches_its_own_lines_only(users: list[User], data: st.DataObject) -> None:
    """Comments, empty lines, order and everybody else's lines stay octet for octet."""
    lines = [line for user in users for line in ("# about", "", f"  {user.line()}\t")]
    number = data.draw(st.integers(0, len(users) - 1))
    chosen = users[number]
    new = User(name=chosen.name, password=HASH, addresses=("other.example",))
    text = "\n".join(lines) + "\n"
    replaced = [line if place != 3 * number + 2 else new.line() for place, line in enumerate(lines)]
    assert changed(text, {prepared_name(chosen.name): new}) == "\n".join(replaced) + "\n"
    without = [line for place, line in enumerate(lines) if place != 3 * number + 2]
    assert changed(text, {prepared_name(chosen.name): None}) == "\n".join(without) + "\n"


@given(text=st.text(max_size=300))
def test_any_text_is_read_or_has_problems(text: str) -> None:
    """Whatever an editor left there."""
    try:
        told = list(read(text, "users"))
    except ConfigurationError as error:
        told = [problem.message for problem in error.problems]
    assert all(told)
