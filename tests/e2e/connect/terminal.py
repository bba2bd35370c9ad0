"""`wasket connect` on a terminal: terminal.py WASKET URL FOLDER. The URL is that of the probe."""

import os
import pty
import select
import shutil
import signal
import sys
import termios
import time

WASKET, URL, FOLDER = sys.argv[1:]
PATIENCE = 30


class Terminal:
    """The program behind a pseudoterminal, and what it has written."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Without colours the text is all there is.
            environment = {"XDG_STATE_HOME": FOLDER, "NO_COLOR": "1", "PATH": os.environ["PATH"]}
            os.execve(WASKET, [WASKET, "connect", URL, *words], environment)
        self.before = termios.tcgetattr(self.fd)
        self.written = b""
        self.seen = 0

    def read(self):
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.written += data
        return data != b""

    def shows(self, text):
        """Waits until this comes, behind what was waited for before."""
        text, end = text.encode(), time.monotonic() + PATIENCE
        while text not in self.written[self.seen :]:
            assert time.monotonic() < end and self.read(), f"no {text} in {self.written[self.seen:]}"
        self.seen = self.written.index(text, self.seen) + len(text)

    def type(self, text):
        os.write(self.fd, text.encode())

    def ends(self, code):
        while self.read():
            pass
        modes = termios.tcgetattr(self.fd)
        _, status = os.waitpid(self.pid, 0)
        assert os.waitstatus_to_exitcode(status) == code, (status, self.written)
        lines = termios.ICANON | termios.ECHO
        assert modes[3] & lines == self.before[3] & lines, "the terminal is raw"


shutil.rmtree(FOLDER, ignore_errors=True)

# Lines are edited, and an answer does not get in the way of what is being typed.
terminal = Terminal()
terminal.shows("connected to " + URL.split("?")[0])
terminal.shows("> ")
terminal.type("echo:\u00e9clir\x1b[D\x1b[Da\x1b[3~\r")
terminal.shows("< echo=\u00e9clar\r\n")
terminal.type("timer:200:1\r")
terminal.shows("< timer=accepted\r\n")
terminal.type("half a li")
# What the server sends steers no terminal.
terminal.shows("< ti\\u{1b}[31mck\r\n")
terminal.shows("> half a li")
terminal.type("\x15echo:whole\r")
terminal.shows("< echo=whole\r\n")
terminal.type("\x04")
terminal.shows("closed by us")
terminal.ends(0)

# Stopped and gone on with, by a shell that has changed the terminal's modes.
terminal = Terminal()
terminal.shows("> ")
os.kill(terminal.pid, signal.SIGSTOP)
os.waitpid(terminal.pid, os.WUNTRACED)
termios.tcsetattr(terminal.fd, termios.TCSANOW, terminal.before)
os.kill(terminal.pid, signal.SIGCONT)
terminal.shows("> ")
terminal.type("echo:again\x7f\r")
terminal.shows("< echo=agai\r\n")
terminal.type("\x04")
terminal.ends(0)

# Another run knows what was typed, and ctrl-c closes.
terminal = Terminal("--close", "4005:bye")
terminal.shows("> ")
terminal.type("\x1b[A\r")
terminal.shows("< echo=agai\r\n")
terminal.type("\x03")
terminal.shows("closed by us")
terminal.ends(130)

# The terminal is given back when the server ends it.
terminal = Terminal()
terminal.shows("> ")
terminal.type("close:1000:bye\r")
terminal.shows("closed by the server")
terminal.ends(0)

# A password is asked for, and not shown.
terminal = Terminal("--user", "ada", "--pre-auth", "-v")
terminal.shows("Password of ada: ")
terminal.type("geheim\r")
terminal.shows("Basic (hidden)")
terminal.shows("> ")
terminal.type("\x04")
terminal.ends(0)
assert b"geheim" not in terminal.written
terminal = Terminal("--user", "ada")
terminal.shows("Password of ada: ")
terminal.type("geh\x03")
terminal.ends(130)
