"""Stands for a kernel that goes on from a snapshot: `kernel_resumed.py SOCKET CONNECTION_FILE`.

It lives as long as that kernel, and that kernel as long as this. Standard library only.
"""

import json
import socket
import sys

END = b"end"  # what a snapshot is told
LIFE = "life"  # a socket beside the snapshots: who holds it ends all of them by letting go


def main(place: str, connection_file: str) -> int:
    """Ask the snapshot for a kernel, and wait for its end."""
    asked = socket.socket(socket.AF_UNIX)
    asked.connect(place)
    socket.send_fds(asked, [json.dumps(connection_file).encode()], [1, 2])
    while asked.recv(1):
        pass
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
