"""`wasket connect` on a terminal: terminal.py WASKET URL FOLDER. The URL is that of the probe."""

import base64
import fcntl
import hashlib
import os
import pty
import select
import shutil
import signal
import socket
import struct
import sys
import termios
import time

WASKET, URL, FOLDER = sys.argv[1:]
PATIENCE = 30


LINES = termios.ICANON | termios.ECHO
MARKED, UNMARKED = b"\x1b[?2004h", b"\x1b[?2004l"


def execute(words, term, tell):
    os.write(tell, str(os.getpid()).encode())
    environment = {"XDG_STATE_HOME": FOLDER, "TERM": term, "PATH": os.environ["PATH"]}
    if term != "dumb":
        # Without colours the text is all there is.
        environment["NO_COLOR"] = "1"
    os.execve(WASKET, words, environment)


def script(words, term, tell):
    """Runs a program as a script does that nobody's shell has started. Returns its code."""
    pid = os.fork()
    if pid == 0:
        execute(words, term, tell)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def shell(words, term, tell):
    """Runs a program as a shell does, and has it go on once a line is typed. Returns its code."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        execute(words, term, tell)
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        os.tcsetpgrp(0, os.getpgrp())
        is_raw = termios.tcgetattr(0)[3] & LINES != LINES
        os.write(1, b"[stopped raw]" if is_raw else b"[stopped]")
        os.read(0, 100)
        os.tcsetpgrp(0, pid)
        os.kill(pid, signal.SIGCONT)


class Late:
    """A server that accepts when it is told to, and knows what the first message is."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "ws://127.0.0.1:%d/" % self.listener.getsockname()[1]

    def accept(self):
        self.socket = self.listener.accept()[0]
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(4096)
        key = head.lower().split(b"sec-websocket-key:")[1]
        key = head[len(head) - len(key) :].split(b"\r\n")[0].strip()
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        answer += b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        self.socket.sendall(answer)

    def message(self):
        frame = self.socket.recv(2)
        frame = self.socket.recv(4 + (frame[1] & 127), socket.MSG_WAITALL)
        return bytes(byte ^ frame[at % 4] for at, byte in enumerate(frame[4:]))


class Terminal:
    """The program behind a pseudoterminal, and what it has written."""

    def __init__(self, *words, url=URL, term="xterm", runner=shell):
        # The modes are those from before the program.
        self.fd, inner = pty.openpty()
        self.before = termios.tcgetattr(inner)
        pids, tell = os.pipe()
        self.shell = os.fork()
        if self.shell == 0:
            os.setsid()
            fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(inner, fd)
            os._exit(runner([WASKET, "connect", url, *words], term, tell))
        os.close(inner)
        self.pid = int(os.read(pids, 16))
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
        _, status = os.waitpid(self.shell, 0)
        assert os.waitstatus_to_exitcode(status) == code, (status, self.written)
        assert modes[3] & LINES == self.before[3] & LINES, "the terminal is raw"
        assert self.written.count(MARKED) == self.written.count(UNMARKED), self.written


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
terminal.shows("[stopped raw]")
termios.tcsetattr(terminal.fd, termios.TCSANOW, terminal.before)
terminal.type("\n")
terminal.shows("> ")
terminal.type("echo:again\x7f\r")
terminal.shows("< echo=agai\r\n")
terminal.type("\x04")
terminal.ends(0)

# Ctrl-z gives the terminal back, and it is taken again.
terminal = Terminal()
terminal.shows("> ")
terminal.type("half")
# A signal's key throws away what was not read yet.
terminal.shows("> half")
terminal.type("\x1a")
terminal.shows("[stopped]")
terminal.type("\n")
terminal.shows("> half")
terminal.type("\x15echo:again\r")
terminal.shows("< echo=again\r\n")
terminal.type("echo:agai\r\x04")
terminal.ends(0)

# Where nobody would have it go on, ctrl-z stops nothing.
terminal = Terminal("--no-history", runner=script)
terminal.shows("> ")
terminal.type("half")
terminal.shows("> half")
terminal.type("\x1a")
terminal.shows(UNMARKED.decode())
terminal.shows("> half")
terminal.type("\x15echo:on\r")
terminal.shows("< echo=on\r\n")
terminal.type("\x04")
terminal.ends(0)

# A terminal whose output is stopped holds up nobody who asks for the end twice.
terminal = Terminal()
terminal.shows("> ")
terminal.type("\x13")
pid, end = 0, time.monotonic() + PATIENCE
while pid == 0:
    assert time.monotonic() < end, "it is still there"
    try:
        os.kill(terminal.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    time.sleep(0.1)
    pid, status = os.waitpid(terminal.shell, os.WNOHANG)
assert os.waitstatus_to_exitcode(status) == 143, status
assert termios.tcgetattr(terminal.fd)[3] & LINES == terminal.before[3] & LINES, "the terminal is raw"

# A narrower terminal shows less. Nothing of this run is kept for the others.
terminal = Terminal("--no-history")
terminal.shows("> ")
terminal.type("echo:0123456789")
terminal.shows("> echo:0123456789")
fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 10, 0, 0))
terminal.shows("\x1b[K> 3456789\r")
terminal.type("\r")
terminal.shows("< echo=0123456789\r\n")
terminal.type("\x04")
terminal.ends(0)

# A terminal that obeys nothing has lines of its own, and is sent none of our sequences.
terminal = Terminal(term="dumb")
terminal.shows("connected to ")
terminal.type("echo:plain\n")
terminal.shows("\necho=plain\r\n")
terminal.type("\x04")
terminal.shows("closed by us")
terminal.ends(0)
assert b"\x1b" not in terminal.written, terminal.written

# However it is ended, it is not left raw.
for ending, code in [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]:
    terminal = Terminal()
    terminal.shows("> ")
    os.kill(terminal.pid, ending)
    terminal.ends(code)
terminal = Terminal()
terminal.shows("> ")
terminal.type("\x1c")
terminal.ends(131)

# A paste is one message.
terminal = Terminal()
terminal.shows("> ")
terminal.type("\x1b[200~echo:{\r\r}\x1b[201~\r")
terminal.shows("> echo:{\u21b5\u21b5}")
terminal.shows("< echo={\r\n\r\n}\r\n")
terminal.type("\x04")
terminal.ends(0)

# What was typed before there was a connection is sent; who has left waits for no other.
server = Late()
terminal = Terminal("--reconnect", url=server.url)
terminal.type("early\n")
terminal.shows("early")
server.accept()
assert server.message() == b"early"
server.listener.close()
server.socket.close()
terminal.shows("connecting again in ")
terminal.type("\x04")
terminal.ends(7)

# Another run knows what was typed, but no paste, and ctrl-c closes.
terminal = Terminal("--close", "4005:bye")
terminal.shows("> ")
terminal.type("\x1b[A\x1b[A\r")
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
for ending, code in [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]:
    terminal = Terminal("--user", "ada")
    terminal.shows("Password of ada: ")
    os.kill(terminal.pid, ending)
    terminal.ends(code)
