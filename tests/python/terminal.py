"""Runs a command on a terminal of its own.

Usage: terminal.py < order.json

The order is {"columns": 60, "command": […], "environment": {…}, "folder": …, "typed": "yes\\n"}; what is typed is sent
line by line, when the command asks a question (its output ends in "? ", ": ", "] " or "> ", control sequences
apart). Prints {"code": 0, "screen": "…"}.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LONGEST = 60
SEQUENCE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")


def main():
    order = json.load(sys.stdin)
    size = struct.pack("HHHH", 40, order["columns"], 0, 0)
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, size)
        if order["folder"]:
            os.chdir(order["folder"])
        os.execve(order["command"][0], order["command"], order["environment"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    screen, typed, end = b"", order["typed"].encode().splitlines(keepends=True), time.monotonic() + LONGEST
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            if typed and SEQUENCE.sub(b"", screen).endswith((b"? ", b": ", b"] ", b"> ")):
                os.write(terminal, typed.pop(0))
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # the command has ended
            break
        if not chunk:
            break
        screen += chunk
    else:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    json.dump({"code": code, "screen": screen.decode(errors="replace").replace("\r\n", "\n")}, sys.stdout)


main()
