"""Real servers on loopback for the tests: random free ports, stopped at the end."""

import socket


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses, and that nobody gets by chance.

    A connection that the server's side closed first keeps its port for a minute: the system gives
    it to none who asks for any port, and a server that names it, as servers do, may have it.
    """
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        client.connect(server.getsockname())
        server.accept()[0].close()
        return server.getsockname()[1]
