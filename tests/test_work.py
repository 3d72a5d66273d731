"""The measure of work tells what grows with its input from what grows with the square of it."""

from tests.work import LINEAR, growth


def test_square_work_is_not_linear() -> None:
    """As a look through all that was seen, for each that is seen."""
    assert growth(lambda numbers: [number in numbers for number in numbers], lambda count: list(range(count)), 8000) > 5


def test_work_in_step_is_linear() -> None:
    """As a look through all once."""
    assert growth(sum, lambda count: list(range(count)), 1_000_000) < LINEAR
