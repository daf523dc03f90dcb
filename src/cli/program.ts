import { Command, Option } from 'commander'
import { packageVersion } from '../runtime/version.ts'
import { addBroker } from './commands/broker.ts'
import { addDev } from './commands/dev.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEvents, addTop } from './commands/events.ts'
import { addInit } from './commands/init.ts'
import { addControl, addInspect, addStatus } from './commands/inspect.ts'
import { addQuarantine } from './commands/quarantine.ts'
import { addQueue } from './commands/queue.ts'
import { addTask } from './commands/task.ts'
import { addWorker } from './commands/worker.ts'
import { addConfigFlags } from './config-flags.ts'
import type { Exit } from './exit-codes.ts'

/** The families of commands, in the order that the help shows them. */
const families = [
  addInit,
  addDev,
  addBroker,
  addWorker,
  addTask,
  addInspect,
  addControl,
  addStatus,
  addEvents,
  addTop,
  addQueue,
  addQuarantine,
  addDoctor,
]

/** The command line as a tree. Each command's code is imported when it runs; `exit` hears its status. */
export function createProgram(exit: Exit): Command {
  const program = new Command('twq')
    .description('The Celery worker for TypeScript.')
    .version(packageVersion(), '--version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ helpWidth: helpWidth(), subcommandTerm: termOf })
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

  for (const add of families) add(program, exit)
  return program
}

// Celery's spellings are heard, and not shown.
function termOf(command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? '...' : '')
    return argument.required ? ` <${name}>` : ` [${name}]`
  })
  const options = command.options.length > 0 ? ' [options]' : ''
  return `${command.name()}${options}${args.join('')}`
}

// Off a terminal commander takes 80 columns, which breaks lines that a pager or a test need not break.
function helpWidth(): number {
  return process.stdout.columns ?? 200
}
