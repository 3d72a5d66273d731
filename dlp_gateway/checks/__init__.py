"""What `check` and `doctor` look at beyond the grammar of two files: what may be meant otherwise, and what works now.

Nothing here changes anything, but for a session with the smarthost and with our own listeners that is opened and left.
"""
