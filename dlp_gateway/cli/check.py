"""`dlp-gateway check`: every problem of the configuration at once, and the rules in force in sentences."""

import click

from dlp_gateway.cli import options


@click.command("check")
@options.config
@click.option("--show", is_flag=True, help="Print the settings too, with every default filled in.")
@options.as_json
def command(*, config_path: str | None, show: bool, as_json: bool) -> None:
    """Read gateway.yaml and policy.yaml as `serve` would, and print every problem as file:line:column.

    Without problems prints the rules in force in sentences and exits 0; with problems exits 78.
    """
    from dlp_gateway import document
    from dlp_gateway.policy.explain import explain
    from dlp_gateway.processes import policies

    with options.problems_shown(as_json=as_json):
        path = options.found_config(config_path)
        settings, policy = policies.load(path)
    sentences = explain(policy)
    if as_json:
        shown = {"settings": settings.model_dump(mode="json")} if show else {}
        options.print_json({"file": str(path), "problems": [], "rules": list(sentences), **shown})
        return
    click.secho(f"{path} and {settings.policy} have no problems.", fg="green")
    if show:
        click.echo(document.written(settings))
    for sentence in sentences:
        click.echo(f"- {sentence}")
