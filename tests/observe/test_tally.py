"""Counts that are gathered arrive whole, and in the same buckets as if they were counted one by one."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from dlp_gateway.observe.tally import Tally
from tests.waiting import until


def samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """Return every sample but the moment at which a metric was made."""
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def instruments() -> tuple[CollectorRegistry, Counter, Histogram]:
    """Return a registry with one of each."""
    registry = CollectorRegistry()
    return registry, Counter("c", "c", registry=registry), Histogram("h", "h", registry=registry, buckets=(1, 2, 5))


# Values that add without rounding: `sum` rounds otherwise from Python 3.12 on than adding one by one.
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 4.75, 5.0, 6.0, 1e9])), st.lists(st.integers(0, 9)))
def test_gathered_counts_are_those_of_the_library(values: list[float], amounts: list[int]) -> None:
    """A histogram with many values at once says the same as one that got each by itself."""
    one, other = instruments(), instruments()
    tally = Tally()
    for value in values:
        one[2].observe(value)
    for amount in amounts:
        one[1].inc(amount)

    async def gather() -> None:
        carrying = asyncio.create_task(tally.carry(every=60))
        await asyncio.sleep(0)
        for value in values:
            tally.observe(other[2], value)
        for amount in amounts:
            tally.count(other[1], amount)
        assert not any(samples(other[0]).values())
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)

    asyncio.run(gather())
    assert samples(other[0]) == samples(one[0])


def test_counts_at_once_where_nothing_is_carried() -> None:
    """A command or a test that runs no loop sees each count when it is made."""
    registry, counter, histogram = instruments()
    tally = Tally()
    tally.count(counter, 2)
    tally.observe(histogram, 1.5)
    assert samples(registry)["c_total", ""] == 2
    assert samples(registry)["h_count", ""] == 1


async def test_counts_are_carried_over_while_mail_goes_on() -> None:
    """Whoever reads the metrics sees what happened some hundred milliseconds ago."""
    registry, counter, _ = instruments()
    tally = Tally()
    carrying = asyncio.create_task(tally.carry(every=0.01))
    await asyncio.sleep(0)
    tally.count(counter)
    await until(lambda: samples(registry)["c_total", ""])
    carrying.cancel()
    assert samples(registry)["c_total", ""] == 1
