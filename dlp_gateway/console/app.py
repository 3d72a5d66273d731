"""The admin application: /metrics, /livez and /readyz, and 404 for everything else.

A check is an async callable that returns "" when its part is well, or a few words that say what is not; it is given by
the composition root and has two seconds. /readyz answers 200 if all are well and 503 if one is not, with each in JSON,
and beside them facts such as the policy's mode, which make nothing ready or unready.
/livez says only that the supervisor's loop turns: restarting helps against nothing else.

A check may open a session with the smarthost, and metrics are read from files: a crowd that asks at a time shares one
answer, for whoever may ask without a login must not make work for others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlp_gateway.mail.reply import printable

Check = Callable[[], Awaitable[str]]
Metrics = Callable[[], tuple[bytes, str]]
Fact = Callable[[], str]
_T = TypeVar("_T")

_PATIENCE: Final = 2.0  # seconds for one check

_SECURITY: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


def application(
    checks: Mapping[str, Check], metrics: Metrics, facts: Mapping[str, Fact] = MappingProxyType({})
) -> ASGIApp:
    """Return the application; `metrics` gives body and content type and is called in a thread."""
    measured = _Shared(lambda: asyncio.to_thread(metrics))
    checked = _Shared(lambda: readiness(checks))

    async def show_metrics(_request: Request) -> Response:
        body, content_type = await measured.now()
        return Response(body, headers={"content-type": content_type})

    async def show_life(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def show_readiness(_request: Request) -> Response:
        answers = await checked.now()
        told = {name: answer or "ok" for name, answer in answers.items()}
        ready = not any(answers.values())
        known = {name: fact() for name, fact in facts.items()}
        return JSONResponse({"ready": ready, "checks": told, **known}, status_code=200 if ready else 503)

    routes = (
        Route("/metrics", show_metrics, methods=["GET"]),
        Route("/livez", show_life, methods=["GET"]),
        Route("/readyz", show_readiness, methods=["GET"]),
    )
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # what is not there is 404, without a hint
    return _SecurityHeaders(app)


class _Shared(Generic[_T]):
    """What is made once for all who ask until it is there, and made anew for the next."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, _T]]) -> None:
        self._make = make
        self._making: asyncio.Task[_T] | None = None

    async def now(self) -> _T:
        """Return it, or raise what came of it; whoever goes away spoils it for nobody."""
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make())
        return await asyncio.shield(self._making)


async def readiness(checks: Mapping[str, Check]) -> dict[str, str]:
    """Ask all checks at once; return what each says, "" for a part that is well."""
    answers = await asyncio.gather(*(_ask(check) for check in checks.values()))
    return dict(zip(checks, answers, strict=True))


async def _ask(check: Check) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            return printable(await check())
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # noqa: BLE001 - a check that breaks is a part that is not well; its text may hold paths
        return f"failed: {type(error).__name__}"


class _SecurityHeaders:
    """Puts the headers on every response, those to errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_SECURITY]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
