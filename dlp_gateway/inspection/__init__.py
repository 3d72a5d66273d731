"""Inspecting: a message goes in, findings and failures come out, within a deadline, whatever the message holds."""
