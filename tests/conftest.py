"""Whoever starts the tests, the processes that they start find the signals as a login shell gives them.

What is ignored or blocked is inherited, and a shell cannot even take it back: `./scripts/test &` in a script ignores
SIGINT, nohup SIGHUP, a supervisor may have blocked SIGTERM. Then no test could stop a child by that signal. A
handler that does nothing ignores as well, and is not inherited."""

import signal


def pytest_configure(config):
    if config.getoption("numprocesses", None):
        return  # the processes of pytest-xdist run the tests; they inherit all this, and come here themselves
    for number in signal.valid_signals():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
