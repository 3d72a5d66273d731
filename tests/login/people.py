"""Who knows one password, for tests of what is made of right and wrong ones."""

import asyncio
from dataclasses import dataclass, field

from dlp_gateway.ports import Login, LoginUnavailable


@dataclass
class Knows:
    """An `Authenticator` with one user, Ann; it can be down, and slow."""

    down: bool = False
    patience: float = 0.0
    at_once: int = 0
    most_at_once: int = 0
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    async def verify(self, name: str, password: str, *, client: str) -> Login | None:
        """Answer, after a while."""
        self.asked.append(password)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.patience)
        self.at_once -= 1
        if self.down:
            raise LoginUnavailable("connect")
        return Login(name="ann") if (name, password) == ("ann", "right") else None

    async def close(self) -> None:
        """Be told."""
        self.closed = True
