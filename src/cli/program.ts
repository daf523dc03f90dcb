import { Command, Option } from 'commander'
import { optionKeys, options } from '../config/options.ts'
import { packageVersion } from '../runtime/version.ts'

/** The command line as a tree. Each command's code is imported when it runs; `exit` hears its status. */
export function createProgram(exit: (status: number) => void): Command {
  const program = new Command('twq')
    .description('The Celery worker for TypeScript.')
    .version(packageVersion(), '--version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ helpWidth: helpWidth() })
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .showSuggestionAfterError()

  program
    .option('-A, --config <path>', 'configuration file (default: worker.config.ts, searched upwards)')
    .option('--cwd <folder>', 'work in this folder')
    .addOption(new Option('-o, --output <form>', 'how to print data').choices(['table', 'json']).default('table'))
    .option('--json', 'same as -o json')
    .option('-t, --timeout <duration>', "how long to wait for results and replies: '500ms', '10s', '5m', or seconds")
    .option('-q, --quiet', 'no notes, no banner')
    .option('-v, --verbose', 'stack traces with errors')
    .option('-C, --no-color', 'no colours')
  addConfigFlags(program, 'all')

  addConfigFlags(
    program.command('dev').description('develop: a broker, a worker that reloads, and a line for each task'),
    'worker',
  ).action(async (_options, command: Command) => {
    const module = await import('./dev.ts')
    exit(await module.dev(command.optsWithGlobals()))
  })
  program
    .command('broker')
    .description('run the built-in broker: for development and tests, with nothing kept on disk')
    .option('--port <n>', 'listen here; 0 takes a free one', '5672')
    .option('--host <address>', 'listen on this address', '127.0.0.1')
    .action(async (_options, command: Command) => {
      const { runBroker } = await import('./broker.ts')
      exit(await runBroker(command.optsWithGlobals()))
    })
  const worker = program.command('worker').description('run tasks')
  addConfigFlags(worker.command('start').description('take tasks from the queues and run them'), 'worker')
    .addOption(new Option('--supervised').hideHelp())
    .action(async (_options, command: Command) => {
      const { workerStart } = await import('./worker-start.ts')
      exit(await workerStart(command.optsWithGlobals()))
    })
  const task = program.command('task').description('send tasks, list them')
  task
    .command('send <name> [arguments]')
    .description("send a task; arguments are JSON, '-' for standard input, or '@file'")
    .option('--queue <name>', "the queue to send to (default: the configuration's first)")
    .option('--countdown <duration>', 'start no sooner than this from now')
    .option('--eta <date>', 'start no sooner than this, like 2030-01-31T08:00:00Z')
    .option('--expires <duration|date>', 'do not start any more after this')
    .option('--task-id <id>', 'instead of a random one')
    .option('--priority <n>', 'from 0 to 255; higher first')
    .option('--header <name=value>', 'a header of your own; may be repeated', collect)
    .option('--wait', 'print the result, for at most --timeout; exit 1 if the task fails, 124 if time runs out')
    .option('--dry-run', 'print the message and send nothing')
    .action(async (name: string, argument: string | undefined, _options, command: Command) => {
      const { taskSend } = await import('./task-send.ts')
      exit(await taskSend(name, argument, command.optsWithGlobals()))
    })
  task
    .command('list')
    .description('list the tasks that the configuration registers')
    .action(async (_options, command: Command) => {
      const { taskList } = await import('./task-list.ts')
      exit(await taskList(command.optsWithGlobals()))
    })

  const inspect = program.command('inspect').description('ask the workers of the broker, Python or TypeScript')
  const questions = {
    active: 'the tasks that run now',
    reserved: 'the tasks that wait for a slot',
    scheduled: 'the tasks that wait for their time',
    registered: 'the tasks they can run',
    revoked: 'the ids that are revoked',
    stats: 'counters and circumstances',
    'active-queues': 'the queues they consume',
    conf: 'their configuration',
    report: 'versions and settings, for a bug report',
    clock: 'their logical clocks',
    ping: 'who is there',
  } as const
  for (const [method, description] of Object.entries(questions) as [keyof typeof questions, string][]) {
    inspect
      .command(method)
      .description(description)
      .option('-d, --destination <nodes>', 'only these workers, by name, separated by commas')
      .action(async (_options, command: Command) => {
        const module = await import('./inspect.ts')
        exit(await module.inspect(method, command.optsWithGlobals()))
      })
  }
  const quarantine = program.command('quarantine').description('messages that could not be used')
  const actions = {
    list: 'show what was set aside, and why',
    replay: 'publish the originals to their queue again',
    purge: 'drop them for good',
  } as const
  for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
    const command = quarantine
      .command(action)
      .description(description)
      .option('--queue <name>', "the queue they came from (default: the configuration's first)")
      .option('--task <name>', 'only messages for this task')
      .option('--reason <name>', 'only messages set aside for this reason, like NotRegistered')
      .option('--id <id>', 'only the message of this task id')
      .option('--limit <n>', 'look at no more than this many messages (default: 1000)')
      .action(async (_options, command: Command) => {
        const module = await import('./quarantine.ts')
        exit(await module.quarantine(action, command.optsWithGlobals()))
      })
    if (action !== 'list') command.option('--dry-run', 'show which messages it would be, and do nothing')
    if (action === 'purge') command.option('--yes', 'do it')
  }
  return program
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function addConfigFlags(command: Command, of: 'all' | 'worker'): Command {
  for (const key of optionKeys) {
    const { flag, doc, derived, default: fallback } = options[key]
    if (flag?.of !== of) continue
    const names = flag.short === undefined ? flag.long : `${flag.short}, ${flag.long}`
    const usage = flag.placeholder === undefined ? names : `${names} ${flag.placeholder}`
    command.option(usage, `${doc} (default: ${derived ?? String(fallback)})`)
  }
  return command
}

// Off a terminal commander takes 80 columns, which breaks lines that a pager or a test need not break.
function helpWidth(): number {
  return process.stdout.columns ?? 120
}
