"""What passed: an entry for each message, the memory of mass sends, and replies that clients did not get."""

from dlp_gateway.journal.generation import Generation
from dlp_gateway.journal.sql import Query, SqlJournal, open_journal

__all__ = ["Generation", "Query", "SqlJournal", "open_journal"]
