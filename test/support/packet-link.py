"""A link between this network namespace and another one that delays, loses and cuts packets: python3 packet-link.py NAME NAMESPACE.

Makes a TUN device NAME at both ends and passes packets on. Lines on standard input say how: `delay_ms loss`, `cut` until the next such
line, and `count`, which changes nothing. After each line it prints how many bytes have passed so far, from here and to here.
"""
import ctypes, fcntl, heapq, itertools, os, random, selectors, struct, sys, time

CLONE_NEWNET, TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x40000000, 0x400454CA, 0x0001, 0x1000


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


name, namespace = sys.argv[1:]
here = tun(name)
if ctypes.CDLL(None, use_errno=True).setns(os.open(f"/run/netns/{namespace}", os.O_RDONLY), CLONE_NEWNET) != 0:
    sys.exit(f"The namespace cannot be entered: {os.strerror(ctypes.get_errno())}")
there = tun(name)
print("ready", flush=True)

delay, loss, is_cut = 0.0, 0.0, False
waiting, numbers = [], itertools.count()
passed = {here: 0, there: 0}
selector = selectors.DefaultSelector()
for source in (here, there, sys.stdin.fileno()):
    selector.register(source, selectors.EVENT_READ)

while True:
    pause = None if not waiting else max(0.0, waiting[0][0] - time.monotonic())
    for key, _ in selector.select(pause):
        if key.fd == sys.stdin.fileno():
            words = os.read(key.fd, 4096).decode().split("\n")
            if words == [""]:
                sys.exit(0)
            for line in filter(None, words):
                if line != "count":
                    is_cut = line == "cut"
                if line not in ("cut", "count"):
                    delay, loss = (float(word) for word in line.split())
                    delay /= 1000
                print(passed[here], passed[there], flush=True)
            continue
        packet = os.read(key.fd, 65536)
        # What a cut link has taken in is lost, as is what is on its way.
        if not is_cut and random.random() >= loss:
            heapq.heappush(waiting, (time.monotonic() + delay, next(numbers), key.fd, packet))
    if is_cut:
        waiting.clear()
    while waiting and waiting[0][0] <= time.monotonic():
        _, _, source, packet = heapq.heappop(waiting)
        try:
            os.write(there if source == here else here, packet)
            passed[source] += len(packet)
        except OSError:
            pass  # The device is not up yet, or its queue is full: the packet is lost.
