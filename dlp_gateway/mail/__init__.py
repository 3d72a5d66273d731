"""Facts about mail, pure and bounded, standard library only: addresses, envelopes, messages, header edits, DSNs."""
