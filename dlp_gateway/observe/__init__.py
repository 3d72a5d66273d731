"""What the gateway says of itself: log events and metrics, none of which can take text of a message."""
