"""SMTP at both ends: the door for clients (over aiosmtpd) and the way to the smarthost (over aiosmtplib)."""
