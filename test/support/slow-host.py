"""A host with a dead IPv6 address and a slow IPv4 one, on one port: slow-host.py <target host> <target port>

Prints the port. The queues of both listeners are kept full, so that the kernel drops every SYN without a word. Once somebody waits for
IPv4, its queue is emptied: the SYN that comes again a second later is answered, and leads to the target. Needs Linux.
"""

import socket
import sys
import threading
import time

TARGET = (sys.argv[1], int(sys.argv[2]))
OPEN_SECONDS = 1.5
SYN_SENT = "02"

dead = socket.socket(socket.AF_INET6)
dead.bind(("::1", 0))
port = dead.getsockname()[1]
dead.listen(0)
slow = socket.socket()
slow.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
slow.bind(("127.0.0.1", port))
slow.listen(0)


def fill(family, address):
    """One connection that nobody accepts is all that the queue holds."""
    own = socket.socket(family)
    own.connect((address, port))
    return own


def is_awaited():
    wanted = "0100007F:%04X" % port
    with open("/proc/net/tcp") as table:
        return any(line.split()[2] == wanted and line.split()[3] == SYN_SENT for line in table.readlines()[1:])


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def lead(client):
    client.settimeout(None)
    try:
        upstream = socket.create_connection(TARGET)
    except OSError:
        client.close()
        return
    for ends in ((client, upstream), (upstream, client)):
        threading.Thread(target=pump, args=ends, daemon=True).start()


def accept_all(own):
    """Leads everybody who waits to the target, except for the connection that only took the place."""
    while True:
        try:
            client, peer = slow.accept()
        except BlockingIOError:
            return
        if own is not None and peer == own.getsockname():
            client.close()
        else:
            lead(client)


def take_place():
    """Fills the queue again. Somebody else may have been quicker, who is served then."""
    while True:
        accept_all(None)
        own = socket.socket()
        own.settimeout(0.2)
        try:
            own.connect(("127.0.0.1", port))
            return own
        except TimeoutError:
            own.close()


def serve():
    slow.setblocking(False)
    own = take_place()
    while True:
        while not is_awaited():
            time.sleep(0.02)
        time.sleep(0.4)
        until = time.monotonic() + OPEN_SECONDS
        while time.monotonic() < until or is_awaited():
            accept_all(own)
            time.sleep(0.01)
        own.close()
        own = take_place()


blocker = fill(socket.AF_INET6, "::1")
print(port, flush=True)
serve()
