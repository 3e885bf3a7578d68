#!/usr/bin/python3
"""Draws what a command shows on a terminal, as SVG.

picture.py FILE TITLE COLUMNS ROWS LINES SECONDS COMMAND...

Runs COMMAND on a terminal of COLUMNS and ROWS of its own for SECONDS, or until it ends, and draws the
first LINES of the screen as it is then, without the empty ones at the end.
"""

import fcntl
import itertools
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text


def run(screen, seconds, command):
    """Feeds the screen with what the command prints, and ends the program if it fails."""
    stream = pyte.ByteStream(screen)
    child, terminal = pty.fork()
    if child == 0:
        size = struct.pack("HHHH", screen.lines, screen.columns, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
        os.environ.pop("NO_COLOR", None)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left)[0]:
            break
        try:
            stream.feed(os.read(terminal, 65536))
        except OSError:
            break
    ended, status = os.waitpid(child, os.WNOHANG if time.monotonic() >= end else 0)
    os.close(terminal)
    if not ended:
        os.kill(child, signal.SIGHUP)
        os.waitpid(child, 0)
    elif status != 0:
        sys.exit("picture.py: the command has failed: " + "\n".join(screen.display).strip())


def color(name):
    """A colour of the emulator, as the drawing library calls it."""
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return "#" + name
    # The emulator says brown for the colour that others call yellow.
    return name.replace("brown", "yellow").replace("bright", "bright_")


def style_of(cell):
    return Style(
        color=color(cell.fg), bgcolor=color(cell.bg), bold=cell.bold, italic=cell.italics,
        underline=cell.underscore, reverse=cell.reverse)


def lines(screen):
    """The lines of the screen, with their styles."""
    for row in range(screen.lines):
        line = Text(no_wrap=True)
        cells = (screen.buffer[row][column] for column in range(screen.columns))
        for style, run in itertools.groupby(cells, style_of):
            line.append("".join(cell.data for cell in run), style)
        line.rstrip()
        yield line


def main():
    file, title, columns, rows, most, seconds = sys.argv[1:7]
    screen = pyte.Screen(int(columns), int(rows))
    run(screen, float(seconds), sys.argv[7:])
    drawn = list(lines(screen))[: int(most)]
    while drawn and not drawn[-1].plain:
        drawn.pop()
    if not drawn:
        sys.exit("picture.py: the command has shown nothing")
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=int(columns), file=nowhere, force_terminal=True)
        for line in drawn:
            console.print(line)
        svg = console.export_svg(title=title)
    # A picture asks no other host for a font.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    # Not all that draw SVG keep a no-break space at the start of a line.
    svg = svg.replace("&#160;", " ").replace("<svg ", '<svg xml:space="preserve" ', 1)
    with open(file, "w") as out:
        out.write(svg)


main()
