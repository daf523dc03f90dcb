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
    .option('-t, --timeout <duration>', "how long to wait: '500ms', '10s', '5m', or seconds")
    .option('-q, --quiet', 'no notes, no banner')
    .option('-v, --verbose', 'stack traces with errors')
    .option('-C, --no-color', 'no colours')
  addConfigFlags(program, 'all')

  const worker = program.command('worker').description('run tasks')
  addConfigFlags(worker.command('start').description('take tasks from the queues and run them'), 'worker').action(
    async (_options, command: Command) => {
      const { workerStart } = await import('./worker-start.ts')
      exit(await workerStart(command.optsWithGlobals()))
    },
  )
  const task = program.command('task').description('send tasks, list them')
  task
    .command('list')
    .description('list the tasks that the configuration registers')
    .action(async (_options, command: Command) => {
      const { taskList } = await import('./task-list.ts')
      exit(await taskList(command.optsWithGlobals()))
    })

  return program
}

function addConfigFlags(command: Command, of: 'all' | 'worker'): Command {
  for (const key of optionKeys) {
    const { flag, doc, derived, default: fallback } = options[key]
    if (flag?.of !== of) continue
    const names = flag.short === undefined ? flag.long : `${flag.short}, ${flag.long}`
    command.option(`${names} ${flag.placeholder}`, `${doc} (default: ${derived ?? String(fallback)})`)
  }
  return command
}

// Off a terminal commander takes 80 columns, which breaks lines that a pager or a test need not break.
function helpWidth(): number {
  return process.stdout.columns ?? 120
}
