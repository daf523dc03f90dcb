import type { Command } from 'commander'
import { WATCH } from '../flags/watch-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'
import { controlCommands, inspectCommands, type RemoteCommand } from './remote-commands.ts'

/** The commands of `twq inspect`. */
export function addInspect(inspect: Command, exit: Exit): void {
  for (const row of inspectCommands) {
    const command = addRow(inspect, row).action(async (...given: unknown[]) => {
      const { inspect } = await import('./inspect.ts')
      const command = given.at(-1) as Command
      exit(await inspect(row, command.processedArgs, command.optsWithGlobals()))
    })
    command.option(...WATCH)
    if (row.method === 'conf') command.option('--with-defaults', 'also settings at their default')
  }
}

/** The commands of `twq control`. */
export function addControl(control: Command, exit: Exit): void {
  for (const row of controlCommands) {
    addRow(control, row).action(async (...given: unknown[]) => {
      const { control } = await import('./control.ts')
      const command = given.at(-1) as Command
      exit(await control(row, command.processedArgs, command.optsWithGlobals()))
    })
  }
  addCall(control, exit)
}

/** `twq control call`: a command that workers have of their own. */
function addCall(control: Command, exit: Exit): void {
  const call = control
    .command('call [command] [name=value...]')
    .description('run a command that the configuration adds; without a name, list these commands')
  withDestination(call).action(async (name: string | undefined, args: string[], _options, command: Command) => {
    const { call } = await import('./call.ts')
    exit(await call(name, args, command.optsWithGlobals()))
  })
}

/** The flags of `twq status`. */
export function addStatus(command: Command, exit: Exit): void {
  withDestination(command).action(async () => {
    const { status } = await import('./inspect.ts')
    exit(await status(command.optsWithGlobals()))
  })
}

/** Adds the flag that limits a command to some workers. */
export function withDestination(command: Command): Command {
  return command.option('-d, --destination <nodes>', 'only these workers: node names, separated by commas')
}

/** Celery's own spelling, with underscores, works as well. */
function addRow(family: Command, { name, method, description, aliases = [], args = [] }: RemoteCommand): Command {
  const spellings = [...new Set([method, ...aliases])].filter((alias) => alias !== name)
  const usage = [name, ...args.map(({ shown }) => shown)].join(' ')
  return withDestination(family.command(usage).aliases(spellings).description(description))
}
