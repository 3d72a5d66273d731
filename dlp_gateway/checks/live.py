"""All that can be tried now, in the order in which an administrator mends it."""

import asyncio

from dlp_gateway.checks import directory, in_force, logins, machine, next_hop, reading
from dlp_gateway.checks.remark import Remark
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Settings


async def live(settings: Settings, policy: Policy) -> tuple[Remark, ...]:
    """Try ports, custody, logins, disk, clock, libraries, smarthost, teams; a running gateway is not disturbed."""
    hostname = settings.host_name()
    running = await asyncio.to_thread(machine.is_running, settings)
    listeners = [asyncio.to_thread(machine.listener, one, hostname, running=running) for one in settings.listeners]
    return (
        *await asyncio.gather(*listeners),
        *await asyncio.to_thread(lambda: tuple(machine.admin(settings))),
        *await machine.custody(settings, running=running),
        *await logins.backend(settings),
        await asyncio.to_thread(machine.disk, settings),
        *machine.file_size(),
        await asyncio.to_thread(machine.clock, settings),
        *await asyncio.to_thread(lambda: tuple(reading.libraries())),
        *await next_hop.smarthost(settings, hostname),
        *await directory.teams(settings, policy),
        *await asyncio.to_thread(lambda: tuple(in_force.policy_in_force(settings, policy))),
    )
