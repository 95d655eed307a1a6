"""Serves an AWS emulator on a free port of loopback until stdin ends.

Usage: server.py moto|ministack

Prints "listening on URL" when the server answers. It ends with its stdin, so that a test program that was killed
leaves no server behind.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def say(url):
    sys.stdout.write(f"listening on {url}\n")
    sys.stdout.flush()


def until_stdin_ends():
    while sys.stdin.buffer.read(4096):
        pass


def moto():
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server
    import threading

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # `127.0.0.1` is this moto's only host name, so the service comes from the signature.
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"http://127.0.0.1:{server.port}")
    until_stdin_ends()
    server.shutdown()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def ministack():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = dict(os.environ, BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), LOG_LEVEL="ERROR")
    program = os.path.join(os.path.dirname(sys.executable), "ministack")
    # The script beside the interpreter of this very virtual environment.
    command = [program] if os.path.exists(program) else [sys.executable, "-m", "ministack"]
    child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 40
        while not answers(url):
            if child.poll() is not None or time.monotonic() > end:
                sys.exit("ministack does not answer")
            time.sleep(0.05)
        say(url)
        until_stdin_ends()
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


{"moto": moto, "ministack": ministack}[sys.argv[1]]()
