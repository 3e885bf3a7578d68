"""Writes the guest's VMCOREINFO note, as `guestscope -j read` gives its memory, for drgn.

Usage: vmcoreinfo.py GUESTSCOPE TARGET
"""

import json
import subprocess
import sys

program, target = sys.argv[1:]


def read(where, count):
    run = subprocess.run(
        [program, "-c", target, "-j", "read", where, str(count)], check=True, capture_output=True
    )
    return bytes.fromhex(json.loads(run.stdout)[0]["bytes"])


def number(symbol):
    return int.from_bytes(read(symbol, 8), "little")


sys.stdout.buffer.write(read(hex(number("vmcoreinfo_data")), number("vmcoreinfo_size")))
