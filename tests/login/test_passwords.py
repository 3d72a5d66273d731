"""Passwords: hashed as told, compared however a keyboard writes them, refused when anybody could guess them."""

import subprocess
import sys

import pytest

from dlp_gateway.login.passwords import (
    PasswordRefusedError,
    Profile,
    hashed,
    is_hash,
    is_name,
    matches,
    prepared_name,
    require_good,
)

CHEAP = Profile(memory=64, passes=1, lanes=1)
GOOD = "four words and a dog"


def test_a_hash_is_argon2id_of_the_profile_and_new_each_time() -> None:
    """RFC 9106 4, second recommended option, in PHC's notation."""
    one, other = hashed(GOOD), hashed(GOOD, CHEAP)
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hashed(GOOD, CHEAP) != other
    assert is_hash(one)
    assert matches(GOOD, one)
    assert not matches(f"{GOOD}s", one)


_MANY_AT_A_TIME = """
from concurrent.futures import ThreadPoolExecutor
from dlp_gateway.login.passwords import Profile, hashed, matches
made = [hashed("open sesame", Profile(memory=256, passes=1, lanes=lanes)) for lanes in (1, 4, 2, 8)] * 50
with ThreadPoolExecutor(4) as threads:
    print(sum(threads.map(matches, ["open sesame"] * len(made), made)))
"""


def test_many_hashes_at_a_time_do_not_wait_for_each_other() -> None:
    """Logins come together; in a process of its own, since threads that wait for ever cannot be ended."""
    ran = subprocess.run([sys.executable, "-c", _MANY_AT_A_TIME], capture_output=True, check=True, timeout=60)
    assert ran.stdout.split() == [b"200"]


_NO_ROOM = """
import resource
from dlp_gateway.login.passwords import HashingFailedError, hashed, matches
made = hashed("open sesame")
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (32 << 20),) * 2)
for work in (lambda: hashed("open sesame"), lambda: matches("open sesame", made)):
    try:
        work()
    except HashingFailedError:
        print("told")
"""


def test_a_machine_without_memory_says_nothing_of_the_password() -> None:
    """A right password is not called wrong because 64 MiB were not to be had."""
    ran = subprocess.run([sys.executable, "-c", _NO_ROOM], capture_output=True, check=True, timeout=60)
    assert ran.stdout.split() == [b"told", b"told"]


def test_composed_and_decomposed_letters_are_one_password() -> None:
    """A telephone sends é as one character, a laptop as two; other blanks are blanks (RFC 8265 4.2)."""
    made = hashed("caf\u00e9 \u00e0 la cr\u00e8me", CHEAP)
    assert matches("cafe\u0301\u00a0a\u0300 la cre\u0300me", made)
    assert not matches("Cafe\u0301 a\u0300 la cre\u0300me", made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "A" * 43,
        "$argon2id$v=16$m=65536,t=3,p=4$c29tZXNhbHQ$" + "A" * 43,
        "$argon2id$v=19$m=99999999,t=3,p=4$c29tZXNhbHQ$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=99,p=4$c29tZXNhbHQ$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=3,p=99$c29tZXNhbHQ$" + "A" * 43,
        "$argon2id$v=19$m=8,t=3,p=4$c29tZXNhbHQ$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=3,p=4$c2$" + "A" * 43,
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "A" * 43 + "\n",
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "A" * 41,
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHR$" + "A" * 43,
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_other_hashes_are_none(text: str) -> None:
    """Another algorithm, or a cost that a login must not have; and what is no hash matches nothing."""
    assert not is_hash(text)


def test_a_damaged_hash_matches_nothing() -> None:
    """It is a wrong password, not a failure of ours."""
    assert not matches(GOOD, "x")


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("eleven char", "12 characters"),
        ("x" * 1025, "1024 octets"),
        ("abababababab", "5 different"),
        ("my ANN.LEE password", "name of its user"),
        ("tab\tin the password", "control characters"),
        ("", "12 characters"),
    ],
)
def test_passwords_that_are_refused(password: str, told: str) -> None:
    """Short, endless, monotonous, or with the name in it: the sentence says what to do."""
    with pytest.raises(PasswordRefusedError, match=told):
        require_good(password, "ann.lee@corp.example")


def test_good_passwords() -> None:
    """Words are good; nothing is asked of capitals, digits and signs; a short name may occur."""
    require_good(GOOD, "ann@corp.example")
    require_good("пароль из слов", "bo")
    require_good("the bobbin turns", "bob")


def test_names() -> None:
    """Upper and lower case are one name, full width too; blanks and control characters are in none."""
    assert prepared_name("Ann@CORP.example") == prepared_name("ann@corp.example")
    assert prepared_name("STRASSE") == prepared_name("straße")
    assert [is_name(name) for name in ("ann", "a" * 256, "", "a b", "a\x1b", "a\u3000b", "a\ud800")] == [True] + [
        False
    ] * 6
