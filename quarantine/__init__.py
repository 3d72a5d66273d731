"""Durable custody of mail: holds what waits for a human or for delivery. Knows nothing of SMTP or of the gateway."""
