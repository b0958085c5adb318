"""The page on loopback, until it is stopped."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from fde_events.errors import Misuse, Refused

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one. :class:`Refused` when the port is taken, :class:`Misuse` for what is none."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen(128)  # here, so that the port is taken from now on
    except OverflowError as error:
        bound.close()
        raise Misuse(f"port {port} is none: a port is 0 to 65535.") from error
    except OSError as error:
        bound.close()
        raise Refused(
            f"port {port} on {HOST} cannot be used ({error.strerror}); choose another with --port."
        ) from error
    return bound


def server(app: Starlette) -> uvicorn.Server:
    """A server for the app, quiet; set its `should_exit` to stop it."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
