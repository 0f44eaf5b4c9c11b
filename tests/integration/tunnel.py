"""A TCP tunnel, as `ssh -L` makes one, whose connections can die without a word: nothing passes any more, and neither
end is told."""

import contextlib
import socket
import threading


class Tunnel:
    """Leads from `self.port` on the loopback address to `port`. Ends with the `with`."""

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._silent = threading.Event()
        self._open = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self):
        """Of the connections that are open now; later ones pass."""
        self._silent.set()
        self._silent = threading.Event()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other, self._silent), daemon=True).start()

    @staticmethod
    def _pass_on(one, other, silent):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if silent.is_set():
                    continue
                other.sendall(data)
        if not silent.is_set():
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
