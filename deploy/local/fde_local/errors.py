"""What can go wrong with the local servers, and who can help.

LocalError
├── MissingToolchain    Java, Maven or Go is not installed   -> the person at the machine
├── NotPrepared         nothing is built yet                 -> `python -m fde_local prepare`
├── BuildFailed         a build step ended in an error       -> the log it names
└── NotReady            a server did not come up, or died    -> the log it names
"""


class LocalError(Exception):
    """A local server cannot be had; the message says what happened, where, and the next step."""


class MissingToolchain(LocalError):
    """A tool that builds or runs a server is not on this machine, or is too old."""


class NotPrepared(LocalError):
    """The server could be built here, but has not been."""


class BuildFailed(LocalError):
    """A step of a build ended with an error or took too long."""


class NotReady(LocalError):
    """A started server did not answer in time, or ended by itself."""
