"""What all tests need."""

from __future__ import annotations

import os
import signal
import time

# A shell starts what runs in its background deaf to Ctrl-C, and children inherit that: tests that interrupt a real
# process could never end it there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Times are shown in local time: tests read them where local time is UTC.
os.environ["TZ"] = "UTC"
if hasattr(time, "tzset"):
    time.tzset()
