"""The straight line of one message: parse, gather, inspect, decide, act, record, reply (the ports are in `ports`)."""
from dlp_gateway.ports import Delivery, Outcome, Smarthost

__all__ = ["Delivery", "Outcome", "Smarthost"]
