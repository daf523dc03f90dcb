import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { python } from '../../support/provision/python.ts'
import { runTwq } from '../../support/run-twq.ts'
import { celeryRelease } from '../../support/services.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const APP = `from datetime import timedelta
from celery import Celery
from celery.schedules import crontab, schedule


class solar(schedule):
    """Celery's own needs a package of astronomy."""


app = Celery("proj")
app.conf.timezone = "Europe/Berlin"
app.conf.beat_schedule = {
    "nightly": {"task": "reports.nightly", "schedule": crontab(minute=0, hour=3), "args": (1,), "options": {"queue": "reports", "expires": 60}},
    "first monday": {"task": "t", "schedule": crontab(0, 9, day_of_month="1-7", day_of_week="mon")},
    "often": {"task": "t", "schedule": timedelta(seconds=30), "kwargs": {"a": 1}},
    "number": {"task": "t", "schedule": 10.0},
    "dusk": {"task": "t", "schedule": solar(1.0)},
}
`

it('reads the beat_schedule of an application, through a program in Python that it brings along', async () => {
  const folder = tempFolder()
  writeFileSync(join(folder, 'proj.py'), APP)
  writeFileSync(join(folder, 'export_beat.py'), (await runTwq(['schedule', 'import', '--exporter'])).stdout)
  const { command, env } = await python(celeryRelease())
  const exported = await promisify(execFile)(command, ['export_beat.py', 'proj:app'], {
    cwd: folder,
    env: { ...process.env, ...env },
  })
  const { status, stdout, stderr } = await runTwq(['schedule', 'import'], { input: exported.stdout })
  expect(JSON.parse(stdout)).toEqual({
    nightly: {
      task: 'reports.nightly',
      args: [1],
      cron: '0 3 * * *',
      tz: 'Europe/Berlin',
      queue: 'reports',
      expires: 60_000,
    },
    'first monday': { task: 't', cron: '0 9 1-7 * mon', tz: 'Europe/Berlin', domAndDow: true },
    often: { task: 't', args: { a: 1 }, every: 30_000 },
    number: { task: 't', every: 10_000 },
  })
  expect(stderr).toContain('note: dusk is left out: solar schedules follow the sun')
  expect(status).toBe(1)
})
