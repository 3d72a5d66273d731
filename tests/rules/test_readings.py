"""The same header read by the standard library, which shares no line with our parser: it counts the same people."""

import base64
import quopri
from email import message_from_string
from email.policy import default

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.test_sizes import counted

_DOMAINS = ("a.example", "b.example", "bücher.example", "xn--bcher-kva.example", "corp.example", "partner.example")
_OURS = ("corp.example", "partner.example")
_NAMES = ("Eve", "Müller", "de la Croix", "Ann, of Sales", "O'Brien")

people = st.tuples(
    st.integers(min_value=1, max_value=60),
    st.sampled_from(_DOMAINS),
    st.sampled_from(("", "+news", "+a+b")),
    st.booleans(),  # in capital letters
)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _base64(name: str) -> str:
    return f"=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="


def _q(name: str) -> str:
    return f"=?UTF-8?q?{quopri.encodestring(name.encode(), header=True).decode().replace(',', '=2C')}?="


@st.composite
def mailboxes(draw: st.DrawFn) -> str:
    """Write one person in one of the ways that composers have."""
    number, domain, tag, capital = draw(people)
    local = f"p{number}{tag}"
    address = f"{local.upper()}@{domain.upper()}" if capital else f"{local}@{domain}"
    written = draw(st.sampled_from((address, f"<{address}>", f'"{local}"@{domain}', f"(for) {address} (home, sweet)")))
    if "<" in written or not draw(st.booleans()):
        return written
    name = draw(st.sampled_from((_quoted, _base64, _q)))(draw(st.sampled_from(_NAMES)))
    return f"{name} <{address}>"


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Write a list, folded or not, perhaps with a group in it."""
    elements = draw(st.lists(mailboxes(), min_size=1, max_size=12))
    if draw(st.booleans()):
        place = draw(st.integers(min_value=0, max_value=len(elements) - 1))
        elements = [*elements[:place], f"Friends: {', '.join(elements[place:])};"]
    return draw(st.sampled_from((", ", ",", ",\r\n ", ",\r\n\t "))).join(elements)


fields = st.lists(st.tuples(st.sampled_from(("To", "Cc", "Resent-To", "Resent-Cc")), bodies()), min_size=1, max_size=5)


def outsiders(raw: bytes) -> set[str]:
    """Return the distinct outsiders whom the standard library finds in the fields."""
    found = set()
    message = message_from_string(raw.decode(), policy=default)
    for name in ("To", "Cc", "Resent-To", "Resent-Cc"):
        for field in message.get_all(name, []):
            for one in field.addresses:
                local, domain = one.username.lower().partition("+")[0], one.domain.lower()
                if domain not in _OURS:
                    found.add((local, domain.encode().decode("idna") if domain.isascii() else domain))
    return found


@given(fields)
@settings(max_examples=150, deadline=None)
def test_the_standard_library_counts_the_same(written: list[tuple[str, str]]) -> None:
    """Over any number of fields, folds, groups, names, comments, quotes, tags, cases and ways to write a domain."""
    header = "".join(f"{name}: {body}\r\n" for name, body in written)
    raw = f"From: ann@corp.example\r\n{header}\r\nbody\r\n".encode()
    assert counted(raw) == len(outsiders(raw))
