class Session:
    def __init__(self, transport, *, retries=3, timeout=30.0):
        super().__init__()
        self._transport = transport
        self._retries = retries
        self._timeout = timeout
        self._closed = False

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        self.close()

    def __repr__(self):
        return f"<Session closed={self._closed}>"

    def close(self):
        if not self._closed:
            self._closed = True
            self._transport.close()
