"""What passed: an entry for each message, the memory of mass sends, replies that clients did not get, notices."""

from dlp_gateway.journal.generation import Generation
from dlp_gateway.journal.ledger import SqlLedger
from dlp_gateway.journal.sql import Query, SqlJournal, open_journal, open_ledger

__all__ = ["Generation", "Query", "SqlJournal", "SqlLedger", "open_journal", "open_ledger"]
