"""What a subject is about, without what clients and lists put in front of it: the mails of one thread share it."""

import re
from dataclasses import dataclass
from typing import Final

from dlp_gateway.mail.message import Message
from dlp_gateway.mail.normalization import nfkc
from dlp_gateway.mail.parse import decode_field

#: Characters of a subject that are looked at; RFC 5322 2.1.1 lets a line have 998.
LONGEST: Final = 998

# RFC 5322 3.6.5 knows "Re: " alone; clients write it in their user's language. Case-folded and in NFKC, one spelling a
# word. "vs" forwards in Norwegian and answers in Finnish: taken for an answer. One letter: Italian.
_ANSWERS: Final = (
    *("re", "r", "ref", "rif", "res", "resp", "aw", "antw", "antwort", "sv", "svar", "vs", "vá", "odp", "ynt", "bls"),
    *("atb", "ats", "ats.", "απ", "απαντ", "σχετ", "отв", "ответ", "на", "відп", "השב", "תגובה", "رد", "回复", "回覆"),
    *("答复", "答覆", "返信", "답장", "회신", "ตอบกลับ", "trả lời", "rép", "réf", "ré"),
)
_FORWARDS: Final = (
    *("fw", "fwd", "wg", "tr", "rv", "enc", "i", "vl", "vb", "doorst", "trs", "pd", "ilt", "i̇lt", "továbbítás", "prz"),
    *(
        "πρθ",
        "προωθ",
        "пересл",
        "пер",
        "הועבר",
        "إعادة توجيه",
        "转发",
        "轉寄",
        "轉發",
        "転送",
        "전달",
        "ส่งต่อ",
        "terusan",
    ),
)
_PREFIX: Final = re.compile(
    rf"(?:(?P<answer>{'|'.join(map(re.escape, sorted(_ANSWERS, key=len, reverse=True)))})"
    rf"|{'|'.join(map(re.escape, sorted(_FORWARDS, key=len, reverse=True)))})"
    r" ?(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3}|\*\d{1,3}|\d{1,3})? ?: ?"  # "Re[2]:", "RE (3):", "Re^4:"
)
_TAG: Final = re.compile(r"\[[^\[\]]{1,40}\] ?")  # "[staff]" of a list, "[EXTERNAL]" of a gateway
_ROUNDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """`text` is for comparing, "" if there is nothing to compare; `is_answer`: an answer's prefix stood before it."""

    text: str
    is_answer: bool


NO_TOPIC: Final = Topic(text="", is_answer=False)


def topic(subject: str) -> Topic:
    """Return what a decoded subject is about; total, in linear time."""
    text = " ".join(nfkc(subject[:LONGEST]).casefold().split())
    position = 0
    is_answer = False
    for _ in range(_ROUNDS):
        found = _PREFIX.match(text, position)
        is_answer = is_answer or bool(found and found["answer"])
        found = found or _TAG.match(text, position)
        if found is None:
            break
        position = found.end()
    return Topic(text=text[position:], is_answer=is_answer)


def topic_of(message: Message) -> Topic:
    """Return the topic of a message's first Subject."""
    for field in message.named("Subject"):
        return topic(decode_field(field.body[: 4 * LONGEST]))
    return NO_TOPIC
