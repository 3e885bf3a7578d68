"""Each struct_ops program with its verified instructions and run counts, as gdb finds them.

Run by gdb -batch with the kernel's vmlinux, connected to the guest, whose kernel is where the file
says (nokaslr). Each structure is read whole, in one packet: to go member by member would take some
three times as many.
"""

import json

import gdb

inferior = gdb.selected_inferior()


class Struct:
    """One structure of the guest, read at once."""

    def __init__(self, name, address):
        self.type = gdb.lookup_type("struct " + name)
        self.bytes = bytes(inferior.read_memory(address, self.type.sizeof))

    def member(self, path):
        type, offset = self.type, 0
        for name in path.split("."):
            field = type[name]
            offset += field.bitpos // 8
            type = field.type.strip_typedefs()
        return self.bytes[offset : offset + type.sizeof]

    def number(self, path):
        return int.from_bytes(self.member(path), "little")


def entries(entry, shift=None):
    """What an xarray leads to, in order."""
    if entry & 3 == 2 and entry > 4096:
        node = Struct("xa_node", entry - 2)
        slots = node.member("slots")
        for start in range(0, len(slots), 8):
            yield from entries(int.from_bytes(slots[start : start + 8], "little"))
    elif entry & 3 == 0 and entry:
        yield entry


def programs():
    struct_ops = int(gdb.parse_and_eval("(int)BPF_PROG_TYPE_STRUCT_OPS"))
    cpus = int(gdb.parse_and_eval("nr_cpu_ids"))
    offsets = [int(gdb.parse_and_eval(f"__per_cpu_offset[{cpu}]")) for cpu in range(cpus)]
    for address in entries(int(gdb.parse_and_eval("prog_idr.idr_rt.xa_head"))):
        prog = Struct("bpf_prog", address)
        if prog.number("type") != struct_ops:
            continue
        aux = Struct("bpf_prog_aux", prog.number("aux"))
        stats = [
            Struct("bpf_prog_stats", (prog.number("stats") + offset) % 2**64) for offset in offsets
        ]
        yield {
            "name": aux.member("name").split(b"\0")[0].decode(),
            "verified_insns": aux.number("verified_insns"),
            "cnt": sum(each.number("cnt") for each in stats),
            "nsecs": sum(each.number("nsecs") for each in stats),
            "misses": sum(each.number("misses") for each in stats),
        }


print(json.dumps(list(programs())))
