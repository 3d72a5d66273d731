"""In which of a few languages an author is spoken to: what his mail client says, or what his mail is written in."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from dlp_gateway.content import html
from dlp_gateway.content.charset import readings
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import decode_field

#: What is looked at of a text: some lines tell a language as well as a book.
_OCTETS: Final = 6_000
_CHARACTERS: Final = 3_000
_FIELD: Final = 500
#: So many different words must speak for a language, and twice as many as for any other.
_LEAST: Final = 3

_TAG: Final = re.compile(r"(?<![A-Za-z0-9-])([A-Za-z]{2,3})(?:-[A-Za-z0-9]{1,8})*(?![A-Za-z0-9])")
_WORD: Final = re.compile(r"\b[^\W\d_]+\b")
#: Words without which nobody writes three sentences. What another of the languages has too counts for both.
_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        language: frozenset(words.split())
        for language, words in {
            "en": "the and of to you that with this have are your please from will would our for not is be was",
            "de": "der die das und nicht ist ich sie mit für auf ein eine einen den dem von wir auch bitte werden haben"
            " sehr dass zum zur ihre ihnen freundlichen grüße im",
            "fr": "le les des et est vous nous pour dans une avec sur pas votre vos merci je du au aux cette qui"
            " bonjour cordialement sont notre",
            "nl": "het een van niet voor dat zijn met wij hebben naar ook graag deze wordt bij mijn ik uw onze aan op"
            " en vriendelijke groet is de",
            "es": "el los las y para por con que del su sus es como muy gracias pero está nuestro usted esta este más"
            " una saludos hola se al",
            "it": "il di che per non della del sono con gli grazie questo nel alla è anche ho più cordiali saluti una"
            " buongiorno dei si lo",
            # Not spoken by us, but so near to the others that they would be taken for one of them.
            "pt": "o os as e do da dos das em para não uma com que por você nosso obrigado obrigada seu sua está ao é",
            "sv": "och att det som är för på med av inte den en har till vi du ni hälsningar",
            "no": "og å det som er for på med av ikke den en har til vi du dere hilsen jeg et",
            "da": "og at det som er for på med af ikke den en har til vi du hilsen jeg et",
        }.items()
    }
)
#: The languages that can be found.
LANGUAGES: Final = ("en", "de", "fr", "nl", "es", "it")


def of_author(message: Message) -> str:
    """Return the language, one of `LANGUAGES`, or "" if neither the header nor the words tell.

    Accept-Language says what the author reads, Content-Language what he wrote (RFC 3282).
    """
    for name in ("Accept-Language", "Content-Language"):
        for field in message.named(name):
            for tag in _TAG.findall(field.body[:_FIELD].decode("latin-1")):
                if tag.lower() in LANGUAGES:
                    return str(tag.lower())
    return _of_words(" ".join(_texts(message)))


def _texts(message: Message) -> Iterator[str]:
    """Yield the subject and the beginning of the first part that is text."""
    for field in message.named("Subject"):
        yield decode_field(field.body)[:_FIELD]
    for part in message.parts:
        if part.media_type in {"text/plain", "text/html"} and part.content:
            found = readings(part.content[:_OCTETS], part.charset)
            text = found[0] if found else ""
            yield (html.loose(text) if part.media_type == "text/html" else text)[:_CHARACTERS]
            return


def _of_words(text: str) -> str:
    words = {word.lower() for word in _WORD.findall(text)}
    votes = {language: len(words & known) for language, known in _WORDS.items()}
    best = max(votes, key=lambda language: votes[language])
    others = max(count for language, count in votes.items() if language != best)
    return best if best in LANGUAGES and votes[best] >= max(_LEAST, 2 * others) else ""
