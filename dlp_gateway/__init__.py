"""An outbound mail proxy that keeps personal data and recipient lists from leaking by mail."""

__version__ = "0.1.0"
