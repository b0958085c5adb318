"""The page on loopback, until it is stopped."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from fde_events.errors import Refused

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one. :class:`Refused` when the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise Refused(
            f"port {port} on {HOST} cannot be used ({error.strerror}); choose another with --port."
        ) from error
    return bound


def server(app: Starlette) -> uvicorn.Server:
    """A server for the app, quiet; set its `should_exit` to stop it."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
