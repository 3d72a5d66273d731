"""`dlp-gateway healthcheck`: what a container engine asks."""

from tests.cli.conftest import Run, lines


def test_a_gateway_that_does_not_run_is_not_ready(run: Run) -> None:
    """Exit 1, and why."""
    result = run("healthcheck")
    assert result.exit_code == 1
    assert result.stdout == "not ready: gateway: does not answer at 127.0.0.1:1 (ConnectionRefusedError)\n"
    assert lines(run("healthcheck", "--json"))[0]["ready"] is False


def test_no_configuration_ends_with_78(run: Run) -> None:
    """There is no address to ask."""
    assert run("healthcheck", "--config", "missing.yaml").exit_code == 78
