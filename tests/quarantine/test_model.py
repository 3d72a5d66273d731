"""The states of a recipient, and the only changes between them."""

from quarantine.model import TRANSITIONS, State, TransitionError, require_transition


def test_the_table_of_transitions() -> None:
    """Exactly the pairs of the table are changes of state."""
    allowed = set()
    for before in State:
        for after in State:
            try:
                require_transition(before, after)
            except TransitionError:
                continue
            allowed.add((before, after))
    assert allowed == TRANSITIONS
