import { Command, Option } from 'commander'
import { packageVersion } from '../runtime/version.ts'
import { addConfigFlags } from './flags/config-flags.ts'
import { EXIT_MEANINGS, type Exit } from './terminal/exit-codes.ts'

/** Families of commands by the word they begin with, in the order that the help shows them; each file is imported once needed. */
export type Families = Readonly<Record<string, () => Promise<AddFamily>>>

type AddFamily = (program: Command, exit: Exit) => void

/** Every family. */
export const families: Families = {
  init: async () => (await import('./init/command.ts')).addInit,
  dev: async () => (await import('./dev/command.ts')).addDev,
  broker: async () => (await import('./broker/command.ts')).addBroker,
  worker: async () => (await import('./worker/command.ts')).addWorker,
  task: async () => (await import('./task/command.ts')).addTask,
  inspect: async () => (await import('./remote/command.ts')).addInspect,
  control: async () => (await import('./remote/command.ts')).addControl,
  status: async () => (await import('./remote/command.ts')).addStatus,
  events: async () => (await import('./events/command.ts')).addEvents,
  top: async () => (await import('./events/command.ts')).addTop,
  monitor: async () => (await import('./monitor/command.ts')).addMonitor,
  queue: async () => (await import('./queue/command.ts')).addQueue,
  failed: async () => (await import('./failed/command.ts')).addFailed,
  quarantine: async () => (await import('./quarantine/command.ts')).addQuarantine,
  schedule: async () => (await import('./schedule/command.ts')).addSchedule,
  doctor: async () => (await import('./doctor/command.ts')).addDoctor,
  completion: async () => (await import('./completion/command.ts')).addCompletion,
}

/**
 * The command line as a tree: the family that the first word names, or all of them where it names none, as in
 * `twq --help`, or asks for what may be typed. Each command's code is imported when it runs; `exit` hears its status.
 */
export async function createProgram(
  firstWord: string | undefined,
  exit: Exit,
  all: Families = families,
): Promise<Command> {
  const program = new Command('twq')
    .description('The Celery worker for TypeScript.')
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ helpWidth: helpWidth(), subcommandTerm: termOf })
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .showSuggestionAfterError()

  program
    .option('-A, --config <path>', 'configuration file (default: worker.config.ts, searched upwards)')
    .option('--cwd <folder>', 'work in this folder')
    // Celery's names for these two.
    .addOption(new Option('--app <path>').hideHelp())
    .addOption(new Option('--workdir <folder>').hideHelp())
    .addOption(new Option('-o, --output <form>', 'how to print data').choices(['table', 'json']).default('table'))
    .option('--json', 'same as -o json')
    .option(
      '-t, --timeout <duration>',
      "how long to wait, like '500ms', '10s', '5m', or seconds (default: 3s for replies, no limit for results)",
    )
    .option('-q, --quiet', 'no notes, no banner')
    .option('-v, --verbose', 'stack traces with errors')
    .option('-C, --no-color', 'no colours')
  addConfigFlags(program, 'all')
  program.addHelpText('afterAll', ({ command }) =>
    command === program ? `\n${exitStatuses()}` : `\nEvery command takes ${sharedFlags(program)}, too: see twq --help`,
  )

  const one = firstWord !== undefined && firstWord !== 'completion' && Object.hasOwn(all, firstWord)
  const named = one ? all[firstWord] : undefined
  for (const add of await Promise.all((named ? [named] : Object.values(all)).map((load) => load()))) {
    add(program, exit)
  }
  return program
}

function exitStatuses(): string {
  const numbers = EXIT_MEANINGS.map(([status]) => status).join(' ')
  return `Exit statuses: ${numbers}; docs/operations.md#exit-statuses says which means what.`
}

function sharedFlags({ options }: Command): string {
  const flags = options
    .filter(({ long, hidden }) => long !== '--version' && !hidden)
    .map(({ short, long }) => short ?? long)
  return `${flags.slice(0, -1).join(', ')} and ${flags.at(-1)}`
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
