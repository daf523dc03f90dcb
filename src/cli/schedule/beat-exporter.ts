/** A program in Python that prints the `beat_schedule` of a Celery application, `module:app`, as the JSON that `twq schedule import` reads. */
export const BEAT_EXPORTER = `"""Prints the beat_schedule of a Celery application as JSON: python export_beat.py module:app"""

import datetime
import importlib
import json
import sys


def when(schedule):
    kind = type(schedule).__name__
    if kind == "crontab":
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return {"kind": "crontab", **{field: str(getattr(schedule, "_orig_" + field)) for field in fields}}
    if kind == "schedule":
        return {"kind": "interval", "seconds": schedule.run_every.total_seconds(), "relative": bool(schedule.relative)}
    if isinstance(schedule, datetime.timedelta):
        return {"kind": "interval", "seconds": schedule.total_seconds(), "relative": False}
    if isinstance(schedule, (int, float)):
        return {"kind": "interval", "seconds": schedule, "relative": False}
    return {"kind": kind}


module, _, name = sys.argv[1].partition(":")
sys.path.insert(0, ".")
app = getattr(importlib.import_module(module), name or "app")
entries = {
    name: {
        "task": entry["task"],
        "args": list(entry.get("args") or ()),
        "kwargs": dict(entry.get("kwargs") or {}),
        "options": dict(entry.get("options") or {}),
        "schedule": when(entry["schedule"]),
    }
    for name, entry in (app.conf.beat_schedule or {}).items()
}
print(json.dumps({"timezone": str(app.timezone), "entries": entries}, default=str))
`
