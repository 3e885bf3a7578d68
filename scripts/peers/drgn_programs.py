"""Each struct_ops program with its verified instructions and run counts, as drgn finds them.

Usage: drgn_programs.py qmp SOCKET VMLINUX VMCOREINFO
       drgn_programs.py gdbstub PORT VMLINUX VMCOREINFO
"""

import json
import os
import sys

import drgn
from drgn.helpers.linux.bpf import bpf_prog_for_each
from drgn.helpers.linux.cpumask import for_each_possible_cpu
from drgn.helpers.linux.percpu import per_cpu_ptr

from gdbstub import Gdbstub


def programs(guest):
    struct_ops = guest["BPF_PROG_TYPE_STRUCT_OPS"]
    for prog in bpf_prog_for_each(guest):
        # Each structure in one read, not one for each member.
        fields = prog[0].read_()
        if fields.type != struct_ops:
            continue
        aux = fields.aux[0].read_()
        stats = [per_cpu_ptr(fields.stats, cpu)[0].read_() for cpu in for_each_possible_cpu(guest)]
        yield {
            "name": aux.name.string_().decode(),
            "verified_insns": aux.verified_insns.value_(),
            "cnt": sum(each.cnt.v.a.a.counter.value_() for each in stats),
            "nsecs": sum(each.nsecs.v.a.a.counter.value_() for each in stats),
            "misses": sum(each.misses.v.a.a.counter.value_() for each in stats),
        }


def main(way, target, vmlinux, vmcoreinfo):
    with open(vmcoreinfo, "rb") as file:
        note = file.read()
    platform = drgn.Platform(drgn.Architecture.X86_64)
    guest = drgn.Program(platform=platform, vmcoreinfo=note)
    stub = None
    if way == "qmp":
        guest.set_qemu_qmp(target)
        guest.set_linux_kernel_custom(note, True)
    else:
        stub = Gdbstub(int(target))
        guest.set_linux_kernel_custom(note, True)
        guest.add_memory_segment(
            0, 1 << 52, lambda address, count, offset, physical: stub.read(address, count), True
        )
    try:
        guest.load_debug_info([vmlinux])
        answer = list(programs(guest))
    finally:
        if stub:
            stub.leave()
    print(json.dumps(answer))
    if stub and os.environ.get("BENCH_PACKETS"):
        print(f"packets={stub.packets}", file=sys.stderr)


main(*sys.argv[1:])
