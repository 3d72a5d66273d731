"""`dlp-gateway send-test`: a sample of each rule through the running gateway, and what came out."""

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway.cli import options, streams, values
from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from dlp_gateway.cli.proofs import Outcome, Proof, Untried
    from dlp_gateway.cli.submission import Login
    from dlp_gateway.policy.model import Policy, RuleInForce
    from dlp_gateway.settings import Listener, Settings

_PASSWORD_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """Which rules are shown, through which listener, and who writes to whom."""

    settings: "Settings"
    policy: "Policy"
    rules: "tuple[RuleInForce, ...]"
    way: "Listener"
    recipients: tuple[str, ...]
    author: str
    login: "Login"


def _addresses(_context: object, _option: object, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(values.mail_address, given)))


def _address(_context: object, _option: object, given: str | None) -> str | None:
    return None if given is None else values.mail_address(given)


@click.command("send-test")
@options.config
@click.option(
    "--to",
    "recipients",
    metavar="ADDRESS",
    multiple=True,
    callback=_addresses,
    help="An address of yours, outside to see what strangers would see; the only one that gets mail. Repeat.",
)
@click.option(
    "--from",
    "sender",
    metavar="ADDRESS",
    callback=_address,
    help="Who sends; must be inside. [default: postmaster at the first inside domain]",
)
@click.option(
    "--rule", "rules", metavar="ID", multiple=True, help="Only this rule; repeat. [default: every rule in force]"
)
@click.option(
    "--listener",
    metavar="ADDRESS:PORT",
    help="Through this listener. [default: the first that wants no client certificate or tenant]",
)
@click.option("--login", metavar="NAME", default="", help="Log in with this name; the password is asked for.")
@click.option("--password-file", metavar="FILE", help="Read the password from a file (`-`: standard input) instead.")
@click.option("--keep", is_flag=True, help="Leave held samples in custody, to try a review.")
@options.as_json
def command(
    *,
    config_path: str | None,
    recipients: tuple[str, ...],
    sender: str | None,
    rules: tuple[str, ...],
    listener: str | None,
    login: str,
    password_file: str | None,
    keep: bool,
    as_json: bool,
) -> None:
    """Send a sample of each rule in force through the running gateway, and show what came out.

    For each: the verdict and why, what each copy shows, and in observe mode what would have been done. Samples come
    from the packs' cases; their Subject begins with [DLP Gateway test]. Only --to gets mail, whoever stands in To and
    Cc. What the gateway holds is discarded at the end.

    Run it as the user that runs the gateway: it reads the journal with custody's key. Exits 0 if every rule did what
    it should, 1 if one did not or one that you named was not tried, 69 if the gateway takes no mail from here or has
    another policy in force than policy.yaml says.

    \b
    Examples:
      dlp-gateway send-test --to you@home.example
      dlp-gateway send-test --to you@home.example --rule payment.card --keep
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.cli import proof_view
    from dlp_gateway.processes import policies

    with options.problems_shown(as_json=as_json):
        settings, policy = policies.load(options.found_config(config_path))
    wanted, way = _wanted(policy, rules), _way(settings, listener)
    _require_in_force(settings, policy)
    if way.auth == "required" and not login:
        raise click.UsageError(f"The listener {way.address} wants a login; give one with --login.")
    author = sender or f"postmaster@{policy.inside.patterns[0].removeprefix('*.')}"
    if not policy.inside.contains(author):
        raise click.UsageError(f"{author} is not inside by this policy; send as one of your own with --from.")
    errand = _Errand(
        settings=settings,
        policy=policy,
        rules=wanted,
        way=way,
        recipients=recipients or _asked(policy),
        author=author,
        login=_login(login, password_file),
    )
    outcomes, untried = asyncio.run(_run(errand, keep=keep, quiet=as_json))
    if as_json:
        for one in outcomes:
            options.print_json(proof_view.outcome_json(one))
        for missing in untried:
            options.print_json({"rule": missing.rule, "passed": None, "problem": f"not tried: {missing.why}"})
    else:
        proof_view.print_outcomes(outcomes, untried, policy, keep=keep)
    sys.exit(1 if any(one.problem for one in outcomes) or (rules and untried) else 0)


def _require_in_force(settings: "Settings", policy: "Policy") -> None:
    """End where a running gateway acts by another policy: every sample would come out otherwise than planned."""
    from dlp_gateway.checks.in_force import is_another
    from dlp_gateway.checks.running import readiness

    told = readiness(settings.admin.address)
    if told is not None and is_another(told, settings, policy):
        options.unavailable(
            "The running gateway has another policy in force than policy.yaml says. Reload it (SIGHUP, or systemctl "
            "reload dlp-gateway); if it refuses that, the log says why."
        )


def _wanted(policy: "Policy", names: tuple[str, ...]) -> "tuple[RuleInForce, ...]":
    from dlp_gateway.document import suggestion

    known = {rule.rule.id: rule for rule in policy.rules}
    for name in names:
        if name not in known:
            raise click.UsageError(f"No rule in force is called {printable(name)}{suggestion(name, known)}")
    return tuple(known[name] for name in dict.fromkeys(names)) or policy.rules


def _way(settings: "Settings", wanted: str | None) -> "Listener":
    """Return the listener to go through."""
    admitting = [one for one in settings.listeners if one.client_certificate is None and one.tenant_header is None]
    for one in admitting if wanted is None else settings.listeners:
        if wanted in {None, str(one.address)}:
            return one
    if wanted is None:
        raise click.UsageError("Every listener wants what only a mail service can show; add one for this machine.")
    raise click.UsageError(
        f"There is no listener {printable(str(wanted))}; there are: "
        f"{', '.join(str(one.address) for one in settings.listeners)}."
    )


def _asked(policy: "Policy") -> tuple[str, ...]:
    """Ask where test mail may go; a script has to say so."""
    if not streams.on_terminal(sys.stdin):
        raise click.UsageError("Say with --to where test mail may go: an address of yours.")
    domain = policy.inside.patterns[0].removeprefix("*.")
    click.echo(
        f"Test mail goes to one address, yours. If it is outside ({domain} is inside), you see what strangers see."
    )
    address: str = click.prompt("Send test mail to", value_proc=values.mail_address)
    return (address,)


def _login(name: str, password_file: str | None) -> "Login":
    from dlp_gateway.cli.submission import Login

    if not name:
        if password_file:
            raise click.UsageError("--password-file belongs to --login.")
        return Login()
    if password_file:
        written = streams.read_bytes(password_file, limit=_PASSWORD_LIMIT).decode("utf-8", "replace")
        return Login(name=name, password=written.rstrip("\r\n"))
    if not streams.on_terminal(sys.stdin):
        raise click.UsageError("There is no terminal to ask for the password; give it with --password-file.")
    return Login(name=name, password=click.prompt(f"Password of {printable(name)}", hide_input=True, err=True))


async def _run(errand: _Errand, *, keep: bool, quiet: bool) -> "tuple[tuple[Outcome, ...], tuple[Untried, ...]]":
    """Plan, send and look; return what came of each mail, and the rules for which there is none."""
    from dlp_gateway.cli import proofs
    from dlp_gateway.cli.specimens import Author
    from dlp_gateway.cli.submission import RefusedError, Submission
    from dlp_gateway.processes import review
    from quarantine.audit import operating_system_actor
    from quarantine.store import StoreError

    settings, name = errand.settings, errand.settings.host_name()
    try:
        async with AsyncExitStack() as stack:
            journal = await review.journal(settings)
            stack.push_async_callback(journal.close)
            store = await review.custody(settings)
            stack.push_async_callback(store.close)
            session = stack.enter_context(await asyncio.to_thread(Submission, errand.way, name, errand.login))
            plan = proofs.Plan(
                policy=errand.policy,
                author=Author(address=errand.author, host=name, clock=datetime.now(UTC)),
                recipients=errand.recipients,
                client=session.client,
                login=errand.login.name,
            )
            planned = await asyncio.to_thread(lambda: tuple(plan.proofs(errand.rules)))
            ready = tuple(one for one in planned if isinstance(one, proofs.Proof))
            if not quiet:
                whom = f"as {errand.author} to {', '.join(errand.recipients)}"
                count = f"{len(ready)} sample{'' if len(ready) == 1 else 's'}"
                click.echo(printable(f"Sending {count} {whom}.", 2000))
            outcomes = await proofs.send(ready, plan, session, journal, _teller(quiet=quiet))
            if not keep:
                outcomes = await proofs.discard(outcomes, store, operating_system_actor())
    except RefusedError as error:
        options.unavailable(str(error))
    except StoreError as error:
        options.unavailable(f"Custody and journal cannot be used: {error}")
    return outcomes, tuple(one for one in planned if isinstance(one, proofs.Untried))


def _teller(*, quiet: bool) -> "Any":  # noqa: ANN401  a function of a Proof
    def tell(proof: "Proof") -> None:
        if streams.on_terminal(sys.stderr) and not quiet:
            click.echo(f"\r\033[Ksending: {printable(proof.title, 60)}", nl=False, err=True)

    return tell
