"""Who may send: passwords checked by a file of users, by Dovecot or by a directory, and how many tries there are.

`Attempts` stands between the SMTP session and one of the three `Authenticator`s.
"""

from dlp_gateway.login.attempts import AttemptLimits, Attempts
from dlp_gateway.login.dovecot import Dovecot, DovecotOptions
from dlp_gateway.login.users_file import UsersFile

__all__ = ["AttemptLimits", "Attempts", "Dovecot", "DovecotOptions", "UsersFile"]
