// Not the table of all options: flags that every command takes belong to these, and the list of commands needs no others.
import { connectionOptions } from '../config/options/connections.ts'
import { tableOf } from '../config/options/option.ts'
import { packageVersion } from '../runtime/own-package.ts'
import { type Families, families } from './families.ts'
import { Command, Option } from './flags/commander.ts'
import { addConfigFlags } from './flags/config-flags.ts'
import { EXIT_MEANINGS, type Exit } from './terminal/exit-codes.ts'
import { helpLayout, wrapHelp } from './terminal/help-layout.ts'
import { terminalWidth } from './terminal/terminal-width.ts'

/**
 * The tree of commands. The subcommands and flags of a top-level command are imported once the command line names it, and the code of
 * a command when it runs; `exit` is called with its status. Help is wrapped at `width` columns.
 */
export function createProgram(exit: Exit, all: Families = families, width = helpWidth()): Command {
  const program = new Command('twq')
    .description('The Celery worker for TypeScript.')
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ ...helpLayout, helpWidth: width, subcommandTerm: termOf })
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
  addConfigFlags(program, 'all', tableOf(connectionOptions))
  program.addHelpText('afterAll', ({ command }) => {
    const last =
      command === program ? exitStatuses() : `Every command takes ${sharedFlags(program)}, too: see twq --help`
    return `\n${wrapHelp(last, width)}`
  })

  program.on('beforeAllHelp', ({ command }: { readonly command: Command }) => refuseUnknown(command))

  for (const [word, { description }] of Object.entries(all)) program.command(word).description(description)
  program.hook('preSubcommand', (_program, named) =>
    addFamilies(named.name() === 'completion' ? program.commands : [named], exit, all),
  )
  return program
}

/** Imports the subcommands of these top-level commands. */
export async function addFamilies(words: readonly Command[], exit: Exit, all: Families = families): Promise<void> {
  await Promise.all(words.map(async (word) => (await all[word.name()]?.load())?.(word, exit)))
}

/** Throws where help was asked for by a word that is no subcommand of `command`, as without `--help`. */
function refuseUnknown(command: Command): void {
  const [first = '', second = ''] = command.args
  const word = first === 'help' ? second : first
  if (command.commands.length === 0 || word === '' || word.startsWith('-')) return
  if (command.commands.some((known) => known.name() === word || known.aliases().includes(word))) return
  const options = command.opts()
  try {
    command.parse([word], { from: 'user' })
  } finally {
    // Parsing has reset them, and the error is printed as they say.
    for (const [name, value] of Object.entries(options)) command.setOptionValue(name, value)
  }
}

function exitStatuses(): string {
  const numbers = EXIT_MEANINGS.map(([status]) => status).join(' ')
  return `Exit statuses: ${numbers}; docs/operations.md#exit-statuses explains them.`
}

function sharedFlags({ options }: Command): string {
  const flags = options
    .filter(({ long, hidden }) => long !== '--version' && !hidden)
    .map(({ short, long }) => short ?? long)
  return `${flags.slice(0, -1).join(', ')} and ${flags.at(-1)}`
}

// Celery's spellings are accepted, but not shown.
function termOf(command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? '...' : '')
    return argument.required ? ` <${name}>` : ` [${name}]`
  })
  const options = command.options.length > 0 ? ' [options]' : ''
  return `${command.name()}${options}${args.join('')}`
}

// Without a terminal commander wraps at 80 columns, which a pager or a test does not need.
function helpWidth(): number {
  return terminalWidth(process.stdout) ?? 200
}
