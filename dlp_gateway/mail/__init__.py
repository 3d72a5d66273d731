"""Facts about mail, pure, bounded, standard library only: addresses, envelopes, messages, edits of header bytes, DSNs."""
