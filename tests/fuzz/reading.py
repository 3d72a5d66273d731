"""What is fuzzed of reading: parts, whole mails and lists of addresses; see `targets`."""

from dlp_gateway.content.reader import read_all
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.message import Message, Part
from dlp_gateway.mail.parse import parse


def content_target(octets: bytes) -> None:
    """A file of any kind costs itself at the most: it is accounted for, and nothing is raised."""
    part = Part(path="1", media_type="", charset="", filename="", disposition="attachment", content=octets)
    found = read_all(Message(raw=b"", fields=(), body_start=0, visible=(), parts=(part,), defects=()))
    if found.parts[0].path != "1" or found.parts[0].octets != len(octets):
        raise AssertionError


def mail_target(octets: bytes) -> None:
    """Every part of a mail is accounted for, in whatever way it is read."""
    message = parse(octets)
    if not {part.path for part in message.parts} <= {part.path for part in read_all(message).parts}:
        raise AssertionError


def addresses_target(octets: bytes) -> None:
    """What a recipient field shows are addresses."""
    if not all("@" in mailbox.address for mailbox in scan(octets).mailboxes):
        raise AssertionError
