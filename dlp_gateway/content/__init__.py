"""The text in a part as people see it: pure bytes → text, or a plain word on why it cannot be read."""
