"""`dlp-gateway completion`: what a shell needs to complete commands, options and their words."""

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(*, shell: str) -> None:
    """Print the completion script of a shell; write it where that shell looks for it.

    \b
      dlp-gateway completion bash > ~/.local/share/bash-completion/completions/dlp-gateway
      dlp-gateway completion zsh > /usr/local/share/zsh/site-functions/_dlp-gateway
      dlp-gateway completion fish > ~/.config/fish/completions/dlp-gateway.fish

    Commands, options, files and words such as states are completed. IDs of held mail are not: that would open custody
    with its key at each press of a key.
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from click.shell_completion import get_completion_class

    from dlp_gateway.cli import main

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(main, {}, "dlp-gateway", "_DLP_GATEWAY_COMPLETE").source())
