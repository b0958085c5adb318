"""The review page of the embedded loop, in a thread of this process."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable
from types import TracebackType

from fde_cli.embedded.home import Home
from fde_cli.embedded.loop import tell
from fde_extraction import status
from fde_extraction.evidence import EvidenceStore
from fde_extraction.recheck import EvidenceChecker
from fde_registry.address import open_registry
from fde_review.page import create_app
from fde_review.serve import HOST, server


class ServedPage:
    """The page on loopback while the context lasts, on a socket that listens already (:func:`fde_review.serve.listen`)."""

    def __init__(self, home: Home, bound: socket.socket) -> None:
        registry = open_registry(f"directory:{home.library}")
        checker = EvidenceChecker(EvidenceStore(home.evidence))
        app = create_app(registry, lambda: status.read(home.evidence / "status.jsonl"), checker=checker)
        self._socket = bound
        self._server = server(app)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}/"

    def announce(self, *, browser: bool) -> None:
        """Say where the page is; open it where there is a browser to open it in."""
        tell(f"\nreview page {self.url}   (Ctrl-C stops everything)")
        if browser:
            webbrowser.open(self.url)

    def wait(self, check: Callable[[], None]) -> None:
        """Until Ctrl-C or SIGTERM; `check` is asked every second and raises what should end it."""
        try:
            # An Event and not join(): Python 3.11 takes a thread for ended when a signal interrupts joining it.
            while not self._ended.wait(1.0):
                check()
        except KeyboardInterrupt:
            tell("\nfde: stopping: sidecars send what they have, then the workers end")

    def __enter__(self) -> ServedPage:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._ended.wait(5)
        self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ended.set()
