"""Prints what croniter says of some patterns, for test/golden/schedules.json:

    /usr/bin/python3 test/schedules/times/croniter-table.py > test/golden/schedules.json   (Debian's python3-croniter)

All in UTC: what croniter does where clocks change is another matter. The due times after `from`, up to `to`, in seconds since the epoch:
how many they are, the SHA-256 of all in decimal, a line each, and the first and last of them.
"""

import hashlib
import json
from datetime import datetime, timezone

from croniter import croniter

YEAR = (datetime(2027, 1, 1, tzinfo=timezone.utc), datetime(2028, 1, 1, tzinfo=timezone.utc))
TEN_YEARS = (datetime(2090, 1, 1, tzinfo=timezone.utc), datetime(2110, 1, 1, tzinfo=timezone.utc))

# Pattern for croner, the same for croniter where it is written otherwise, whether both days must fit, and the time.
CASES = [
    ("* * * * *", None, False, YEAR),
    ("0 * * * *", None, False, YEAR),
    ("*/7 8-17 * * 1-5", None, False, YEAR),
    ("0 2 30 * *", None, False, YEAR),
    ("0 0 L * *", "0 0 l * *", False, YEAR),
    ("0 9 1-7 * 1", None, False, YEAR),
    ("0 9 1-7 * 1", None, True, YEAR),
    ("0 9 * JAN,jul mon-fri", None, False, YEAR),
    ("0 0 * * 0", None, False, YEAR),
    ("0 0 * * 7", None, False, YEAR),
    ("5,10,55 1-3,22 15 */2 *", None, False, YEAR),
    ("0 0 29 2 *", None, False, TEN_YEARS),
]

rows = []
for pattern, other, both, (start, end) in CASES:
    times = croniter(other or pattern, start, day_or=not both)
    due = []
    while (time := int(times.get_next(float))) <= end.timestamp():
        due.append(time)
    text = "".join(f"{time}\n" for time in due)
    rows.append(
        {
            "pattern": pattern,
            "domAndDow": both,
            "from": int(start.timestamp()),
            "to": int(end.timestamp()),
            "count": len(due),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "first": due[:3],
            "last": due[-3:],
        }
    )
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
