import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** The commands of `twq schedule`. */
export function addSchedule(schedule: Command, exit: Exit): void {
  schedule
    .command('list')
    .description('list the schedules: when each is due next, and when it was last sent')
    .action(async (_options, command: Command) => {
      const { scheduleList } = await import('./show.ts')
      exit(await scheduleList(command.optsWithGlobals()))
    })
  schedule
    .command('show <name>')
    .description('show one schedule')
    .action(async (name: string, _options, command: Command) => {
      const { scheduleShow } = await import('./show.ts')
      exit(await scheduleShow(name, command.optsWithGlobals()))
    })
  schedule
    .command('next <name>')
    .description('print the next due times, in local time and in the time zone of the schedule')
    .option('--count <n>', 'how many due times to print (default: 5)')
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
    .option('--dom-and-dow', "day of month and weekday of --cron must both match, as in Celery's crontab")
    .option('--start-at <date>', 'not due before')
    .option('--end-at <date>', 'not due after')
    .option('--jitter <duration>', 'delay each run by up to this long')
    .option(
      '--catch-up <how>',
      "which runs that came due while no worker led are sent late: 'last' (default), 'all' or 'skip'",
    )
    .option('--overlap <how>', "'skip' sends nothing until the last run has ended; 'allow' is the default")
    .option('--overlap-timeout <duration>', "how long 'skip' waits for a run to end")
    .option('--queue <name>', 'the queue to send to, instead of that of the routes')
    .option('--priority <n>', 'higher first, where the queue has a maxPriority')
    .option('--expires <duration>', 'how long after it was sent the task may still start')
    .action(async (name: string, task: string, args: string | undefined, _options, command: Command) => {
      const { scheduleSet } = await import('./change.ts')
      exit(await scheduleSet(name, task, args, command.optsWithGlobals()))
    })
  const changes = {
    remove: 'remove a schedule that was set at run time',
    pause: 'stop sending its task until it is resumed',
    resume: 'send its task again from now on',
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
    .description("convert Celery's beat_schedule, as printed by the exporter, to entries of `schedules`")
    .option('--exporter', 'print the exporter, a Python program: python export_beat.py module:app')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { scheduleImport } = await import('./import.ts')
      exit(await scheduleImport(file ?? '-', command.optsWithGlobals()))
    })
  schedule
    .command('run')
    .description('lead the schedules without running tasks, for when no worker has the option `schedules`')
    .action(async (_options, command: Command) => {
      const { scheduleRun } = await import('./run.ts')
      exit(await scheduleRun(command.optsWithGlobals()))
    })
}
