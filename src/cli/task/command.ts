import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import { withDestination } from '../remote/command.ts'
import type { Exit } from '../terminal/exit-codes.ts'

const SEND_EXAMPLES = `
Examples:
  twq task send add '[2, 3]' --wait                      arguments by position
  twq task send shout '{"text": "hey"}' --countdown 10s  by name; in ten seconds`

const RUN_EXAMPLES = `
Examples:
  twq task run add '[2, 3]'                the result, or the error and status 1
  twq task run add '[2, 3]' --inspect-brk  waits for a debugger before its code`

const SEND = 'send the tasks that it sends and its follow-ups, and store its result, as a worker does'
const INSPECT = 'wait for a debugger at this [host:]port, and stop there before its code (default: 127.0.0.1:9229)'

/** The commands of `twq task`. */
export function addTask(task: Command, exit: Exit): void {
  task
    .command('send <name> [arguments]')
    .description("send a task; arguments are JSON, '-' for standard input, or '@file'")
    .option('--queue <name>', 'the queue to send to (default: that of the routes, or the first configured one)')
    .option('--exchange <name>', "the exchange to publish to, instead of the queue's")
    .option('--routing-key <key>', "the routing key, instead of the queue's")
    .option('--countdown <duration>', 'the delay before the task may start')
    .option('--eta <date>', 'the time before which the task must not start, like 2030-01-31T08:00:00Z')
    .option('--expires <duration|date>', 'the time after which the task must not start')
    .option('--task-id <id>', 'instead of a random one')
    .option('--priority <n>', 'from 0 to 255; higher first')
    .option('--retries <n>', 'start with this retry count')
    .option('--time-limit <duration>', 'hard limit: end the task after this long')
    .option('--soft-time-limit <duration>', 'soft limit: abort ctx.signal after this long')
    .option('--header <name=value>', 'a header of your own; may be repeated', collect)
    .option('--wait', 'print the result; exit with 1 if the task fails, 124 after --timeout (default: none)')
    .option('--dry-run', 'print the message and send nothing')
    .addHelpText('after', SEND_EXAMPLES)
    .action(async (name: string, argument: string | undefined, _options, command: Command) => {
      const { taskSend } = await import('./send.ts')
      exit(await taskSend(name, argument, command.optsWithGlobals()))
    })
  task
    .command('result <id>')
    .description('print the result of any task; needs a Redis result backend')
    .option('--wait', 'wait for the result; exit with 1 if the task fails, 124 after --timeout (default: none)')
    .option('--watch', 'wait for the result, and show each state until then; in a pipe, one line each')
    .action(async (id: string, _options, command: Command) => {
      const { taskResult } = await import('./result.ts')
      exit(await taskResult(id, command.optsWithGlobals()))
    })
  task
    .command('run <name> [arguments]')
    .description('run a task in this process, without a broker: nothing is sent; arguments as for send')
    .option('--task-id <id>', 'instead of a random one')
    .option('--send', SEND)
    .option('--inspect-brk [address]', INSPECT)
    .addHelpText('after', RUN_EXAMPLES)
    .action(async (name: string, argument: string | undefined, _options, command: Command) => {
      const { taskRun } = await import('../local/run.ts')
      exit(await taskRun(name, argument, command.optsWithGlobals()))
    })
  task
    .command('replay <id>')
    .description(
      'run the message of a failed or quarantined task in this process; the message stays in its queue, and nothing is sent',
    )
    .option('--queue <name>', 'the task queue that it came from (default: the configured ones)')
    .option('--send', SEND)
    .option('--inspect-brk [address]', INSPECT)
    .action(async (id: string, _options, command: Command) => {
      const { taskReplay } = await import('../local/replay.ts')
      exit(await taskReplay(id, command.optsWithGlobals()))
    })
  task
    .command('why <id-or-name>')
    .description(
      'say where a task is, or why it does not run; for a name, where its tasks go and what prevents them from running',
    )
    .option('--task <name>', 'the name of the task with this id, if you know it')
    .option('--queue <name>', 'the queue that it was sent to, if you know it')
    .action(async (what: string, _options, command: Command) => {
      const { taskWhy } = await import('../why/why.ts')
      exit(await taskWhy(what, command.optsWithGlobals()))
    })
  task
    .command('list')
    .description('list the tasks that the configuration registers')
    .action(async (_options, command: Command) => {
      const { taskList } = await import('./list.ts')
      exit(await taskList(command.optsWithGlobals()))
    })
  withDestination(
    task.command('revoke <ids...>').description('revoke tasks: workers discard them instead of running them'),
  )
    .option('--terminate', 'also terminate them if they are running')
    .action(async (ids: string[], { terminate = false }: { terminate?: boolean }, command: Command) => {
      const { tellWorkers } = await import('../remote/control.ts')
      const how = terminate ? { terminate, signal: 'SIGTERM' } : {}
      exit(await tellWorkers('task revoke', 'revoke', { task_id: ids, ...how }, command.optsWithGlobals()))
    })
  withDestination(
    task.command('terminate <ids...>').description('revoke tasks, and terminate them if they are running'),
  )
    .option('--signal <name>', 'the signal that Python workers send to the process', 'SIGTERM')
    .action(async (ids: string[], { signal }: { signal: string }, command: Command) => {
      const { tellWorkers } = await import('../remote/control.ts')
      exit(await tellWorkers('task terminate', 'terminate', { signal, task_id: ids }, command.optsWithGlobals()))
    })
}
