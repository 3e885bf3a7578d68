"""Physical memory of a guest through QEMU's gdbserver, a packet a read: a transport for drgn.

The guest stands still from the connection until `leave`.
"""

import socket


class Gdbstub:
    # What QEMU answers in one packet.
    most = 2040

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.packets = 0
        # QEMU up to 8.0 reports by itself that the guest has stopped. Only what follows the
        # empty answer to our empty packet answers us.
        self.send(b"")
        while self.receive() != b"":
            pass
        self.ask(b"Qqemu.PhyMemMode:1")

    def send(self, packet):
        self.packets += 1
        self.socket.sendall(b"$%b#%02x" % (packet, sum(packet) % 256))

    def receive(self):
        """The next packet; acknowledges it, as QEMU wants before it sends another."""
        while True:
            start, end = self.buffer.find(b"$"), self.buffer.find(b"#")
            if 0 <= start < end and len(self.buffer) >= end + 3:
                packet = self.buffer[start + 1 : end]
                self.buffer = self.buffer[end + 3 :]
                self.socket.sendall(b"+")
                return packet
            more = self.socket.recv(65536)
            if not more:
                raise OSError("QEMU has closed the connection")
            self.buffer += more

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def read(self, address, count):
        data = b""
        while len(data) < count:
            size = min(count - len(data), self.most)
            answer = self.ask(b"m%x,%x" % (address + len(data), size))
            if answer.startswith(b"E"):
                raise OSError(f"QEMU reads no memory at {address:#x}: {answer.decode()}")
            data += bytes.fromhex(answer.decode())
        return data

    def leave(self):
        """Lets the guest go on, and physical mode with it: it would be the next client's."""
        self.ask(b"Qqemu.PhyMemMode:0")
        self.send(b"c")
        self.socket.shutdown(socket.SHUT_WR)
        while self.socket.recv(65536):
            pass
