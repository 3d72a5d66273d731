"""Facts about mail, pure and bounded: addresses, envelopes, messages, edits of header bytes, DSNs. Standard library only."""
