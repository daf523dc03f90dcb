import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** The commands of `twq schedule`. */
export function addSchedule(schedule: Command, exit: Exit): void {
  schedule
    .command('list')
    .description('all schedules: when each is due next, and when it was sent last')
    .action(async (_options, command: Command) => {
      const { scheduleList } = await import('./show.ts')
      exit(await scheduleList(command.optsWithGlobals()))
    })
  schedule
    .command('show <name>')
    .description('what is known of one schedule')
    .action(async (name: string, _options, command: Command) => {
      const { scheduleShow } = await import('./show.ts')
      exit(await scheduleShow(name, command.optsWithGlobals()))
    })
  schedule
    .command('next <name>')
    .description('when it is due, in local time and in that of the schedule')
    .option('--count <n>', 'so many times (default: 5)')
    .action(async (name: string, _options, command: Command) => {
      const { scheduleNext } = await import('./show.ts')
      exit(await scheduleNext(name, command.optsWithGlobals()))
    })
  schedule
    .command('set <name> <task> [arguments]')
    .description('set a schedule at run time; the arguments are JSON, an array or an object')
    .option('--cron <pattern>', "a pattern of five or six fields, like '0 3 * * MON-FRI'")
    .option('--every <duration>', "like '30s'")
    .option('--at <date>', "once, like '2030-01-31T08:00:00Z'")
    .option('--tz <name>', "the time zone of --cron, like 'Europe/Berlin' (default: UTC)")
    .option('--dom-and-dow', 'day of the month and weekday of --cron must both fit, as in crontab of Celery')
    .option('--start-at <date>', 'not due before')
    .option('--end-at <date>', 'not due after')
    .option('--jitter <duration>', 'sent up to this much later')
    .option('--catch-up <how>', "what was due while no worker led: 'last' (default), 'all' or 'skip'")
    .option('--overlap <how>', "'skip' sends nothing while the last run has not ended; 'allow' is the default")
    .option('--overlap-timeout <duration>', 'how long such a run is waited for')
    .option('--queue <name>', 'the queue, instead of the one that the routes say')
    .option('--priority <n>', 'higher first, where the queue has a maxPriority')
    .option('--expires <duration>', 'how long after it was sent it may start')
    .action(async (name: string, task: string, args: string | undefined, _options, command: Command) => {
      const { scheduleSet } = await import('./change.ts')
      exit(await scheduleSet(name, task, args, command.optsWithGlobals()))
    })
  const changes = {
    remove: 'remove a schedule that was set at run time',
    pause: 'send nothing of it until it is resumed',
    resume: 'send it again from now on',
    trigger: 'send its task now, and print the id',
  } as const
  for (const [method, description] of Object.entries(changes) as [keyof typeof changes, string][]) {
    schedule
      .command(`${method} <name>`)
      .description(description)
      .action(async (name: string, _options, command: Command) => {
        const { scheduleChange } = await import('./change.ts')
        exit(await scheduleChange(method, name, command.optsWithGlobals()))
      })
  }
  schedule
    .command('import [file]')
    .description('print entries for `schedules` from a beat_schedule of Celery, as the exporter prints it')
    .option('--exporter', 'print the exporter, a program in Python: python export_beat.py module:app')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { scheduleImport } = await import('./import.ts')
      exit(await scheduleImport(file ?? '-', command.optsWithGlobals()))
    })
  schedule
    .command('run')
    .description('send what is due, without running tasks: where no worker has the option `schedules`')
    .action(async (_options, command: Command) => {
      const { scheduleRun } = await import('./run.ts')
      exit(await scheduleRun(command.optsWithGlobals()))
    })
}
