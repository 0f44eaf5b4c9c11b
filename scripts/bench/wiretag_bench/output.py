"""What is printed, and to whom."""

import os
import select
import sys


def _reader_is_gone():
    """Of a pipe that nobody reads any more the kernel reports an error."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def to_its_reader(main):
    """main's exit status; 1, without a word, if whoever read its output (head, say) went away."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        # What is still buffered goes nowhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
