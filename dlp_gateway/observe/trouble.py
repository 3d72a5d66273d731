"""Trouble that is both logged and counted: one function for each sort."""

from dlp_gateway.observe import log, metrics


def store_failed(error: BaseException) -> None:
    """Custody or journal cannot be used now."""
    log.store_unavailable(error)
    metrics.store_error()
