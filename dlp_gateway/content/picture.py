"""Pictures."""

from collections.abc import Iterator

from dlp_gateway.content.text import Account, Piece, UnreadableReason


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield."""
    yield UnreadableReason.PICTURE
