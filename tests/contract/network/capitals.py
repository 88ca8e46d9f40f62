"""A small server that answers in capitals and remembers what it got, and its client."""

from __future__ import annotations

import socket
import threading

from contract_tests.network.proxy import HOST, Proxy

HELLO = b"hello\n"


class Upper:
    """Answers each line in capitals. ``got`` is all that came, ``ends`` how connections ended."""

    def __init__(self) -> None:
        self.got = b""
        self.ends: list[str] = []
        self._listening = socket.create_server((HOST, 0))
        self.address: tuple[str, int] = self._listening.getsockname()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            line = b""
            try:
                while data := connection.recv(65536):
                    self.got += data
                    line += data
                    while b"\n" in line:
                        first, line = line.split(b"\n", 1)
                        connection.sendall(first.upper() + b"\n")
            except ConnectionResetError:
                self.ends.append("reset")
            else:
                self.ends.append("closed")

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


class Client:
    """A connection, greeted already, so that it is there on both sides."""

    def __init__(self, proxy: Proxy, *, greets: bool = True) -> None:
        self.socket = socket.create_connection((HOST, proxy.port), timeout=5)
        try:
            assert not greets or self.ask(HELLO) == b"HELLO\n"
        except OSError:
            self.socket.close()
            raise

    def ask(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        return self.answer()

    def answer(self) -> bytes:
        """Return a line, or what came before the end."""
        got = b""
        while not got.endswith(b"\n"):
            data = self.socket.recv(65536)
            if not data:
                return got
            got += data
        return got

    def hears_nothing(self) -> bool:
        self.socket.settimeout(0.2)
        try:
            return self.socket.recv(1) is None
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5)


def works(proxy: Proxy) -> bool:
    client = Client(proxy)
    client.socket.close()
    return True
