import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import { withDestination } from '../remote/command.ts'
import type { Exit } from '../terminal/exit-codes.ts'

const SEND_EXAMPLES = `
Examples:
  twq task send add '[2, 3]' --wait                      positional arguments, and the result
  twq task send shout '{"text": "hey"}' --countdown 10s  named ones, in ten seconds`

const RUN_EXAMPLES = `
Examples:
  twq task run add '[2, 3]'                the result, or the error and status 1
  twq task run add '[2, 3]' --inspect-brk  once a debugger is there, which stops before the task's code`

const SEND = 'send what the task sends and what follows it, and store its result, as a worker does'
const INSPECT = 'wait for a debugger at this [host:]port, and stop there before its code (default: 127.0.0.1:9229)'

/** The commands of `twq task`. */
export function addTask(task: Command, exit: Exit): void {
  task
    .command('send <name> [arguments]')
    .description("send a task; arguments are JSON, '-' for standard input, or '@file'")
    .option('--queue <name>', "the queue to send to (default: as the routes say, or the configuration's first)")
    .option('--exchange <name>', "the exchange to publish to, instead of the queue's")
    .option('--routing-key <key>', "the key to publish with, instead of the queue's")
    .option('--countdown <duration>', 'start no sooner than this from now')
    .option('--eta <date>', 'start no sooner than this, like 2030-01-31T08:00:00Z')
    .option('--expires <duration|date>', 'do not start any more after this')
    .option('--task-id <id>', 'instead of a random one')
    .option('--priority <n>', 'from 0 to 255; higher first')
    .option('--retries <n>', 'as if it had been tried this often already')
    .option('--time-limit <duration>', 'end it after this long')
    .option('--soft-time-limit <duration>', 'abort its signal after this long')
    .option('--header <name=value>', 'a header of your own; may be repeated', collect)
    .option('--wait', 'print the result; exit 1 if the task fails, 124 when --timeout (default: none) is over')
    .option('--dry-run', 'print the message and send nothing')
    .addHelpText('after', SEND_EXAMPLES)
    .action(async (name: string, argument: string | undefined, _options, command: Command) => {
      const { taskSend } = await import('./send.ts')
      exit(await taskSend(name, argument, command.optsWithGlobals()))
    })
  task
    .command('result <id>')
    .description('print the result of any task; needs results in a Redis')
    .option('--wait', 'wait for it; exit 1 if the task fails, 124 when --timeout (default: none) is over')
    .option('--watch', 'wait for it, and show each state on the way: in a pipe a line for each')
    .action(async (id: string, _options, command: Command) => {
      const { taskResult } = await import('./result.ts')
      exit(await taskResult(id, command.optsWithGlobals()))
    })
  task
    .command('run <name> [arguments]')
    .description('run a task here and now, without a broker: nothing is sent; arguments as for send')
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
    .description('run the message of a failed or quarantined task here; it stays where it is, and nothing is sent')
    .option('--queue <name>', "the queue it came from (default: the configuration's)")
    .option('--send', SEND)
    .option('--inspect-brk [address]', INSPECT)
    .action(async (id: string, _options, command: Command) => {
      const { taskReplay } = await import('../local/replay.ts')
      exit(await taskReplay(id, command.optsWithGlobals()))
    })
  task
    .command('why <id-or-name>')
    .description(
      'say where a task is, or why it does not run; of a name, where such tasks go and what stands in the way',
    )
    .option('--task <name>', 'the name of the task with this id, where it is known')
    .option('--queue <name>', 'the queue that it was sent to, where it is known')
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
  withDestination(task.command('revoke <ids...>').description('do not run these tasks'))
    .option('--terminate', 'also end running tasks')
    .action(async (ids: string[], { terminate = false }: { terminate?: boolean }, command: Command) => {
      const { tellWorkers } = await import('../remote/control.ts')
      const how = terminate ? { terminate, signal: 'SIGTERM' } : {}
      exit(await tellWorkers('task revoke', 'revoke', { task_id: ids, ...how }, command.optsWithGlobals()))
    })
  withDestination(task.command('terminate <ids...>').description('end these tasks, and do not run them'))
    .option('--signal <name>', 'what Python workers send their processes', 'SIGTERM')
    .action(async (ids: string[], { signal }: { signal: string }, command: Command) => {
      const { tellWorkers } = await import('../remote/control.ts')
      exit(await tellWorkers('task terminate', 'terminate', { signal, task_id: ids }, command.optsWithGlobals()))
    })
}
