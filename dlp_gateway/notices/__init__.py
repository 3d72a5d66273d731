"""Notices: what authors and reviewers are told, through custody, of mail that was stopped, changed or decided about.

And owners of addresses, of what outsiders write and their address passes on.
"""

from dlp_gateway.notices.round import NoticeOptions
from dlp_gateway.notices.worker import NoticeWorker

__all__ = ["NoticeOptions", "NoticeWorker"]
