"""Compares answers with what the guest says of its struct_ops programs.

Usage: check.py TRUTH ANSWER…

Both guestscope's `-j prog list type struct_ops` and what the scripts beside this print are answers.
"""

import json
import sys


def program(entry):
    names = ["verified_insns", "run_cnt", "run_time_ns", "recursion_misses"]
    if "run_cnt" not in entry:
        names = ["verified_insns", "cnt", "nsecs", "misses"]
    return [entry["name"], *(entry[name] for name in names)]


def main(truth, *answers):
    with open(truth) as file:
        objects = [json.loads(line) for line in file]
    # A name in the kernel has 15 characters, which is all that is compared.
    expected = [
        program(entry)
        for entry in objects
        if entry["kind"] == "prog" and entry["type"] == "struct_ops"
    ]
    for path in answers:
        with open(path) as file:
            answer = [program(entry) for entry in json.load(file)]
        for entry in expected + answer:
            entry[0] = entry[0][:15]
        if answer != expected:
            sys.exit(f"{path} is not what the guest says:\n{answer}\n{expected}")
    print(f"{len(answers)} answers are what the guest says of {len(expected)} programs")


main(*sys.argv[1:])
