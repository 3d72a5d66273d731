"""Measuring, pure: detectors turn a message into findings, or raise when they cannot finish."""
