"""Free loopback ports."""

import random
import socket

# Below the range the kernel takes for outgoing connections (32768 and up on Linux): while a server is away, a
# client that keeps knocking could else be given the server's own port, connect to itself, and keep it.
_LOWEST, _HIGHEST = 15000, 32000


def free_ports(count: int) -> tuple[int, ...]:
    """`count` different ports that nobody listens on at this moment. Nothing reserves them."""
    found: list[int] = []
    order = random.SystemRandom()
    while len(found) < count:
        port = order.randint(_LOWEST, _HIGHEST)
        if port not in found and _is_free(port):
            found.append(port)
    return tuple(found)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
