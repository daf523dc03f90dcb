import type { Command, CommanderError } from 'commander'
import { TwqError } from '../../errors.ts'
import { replacementOf } from '../flags/celery-names.ts'
import { shellWord } from './shell-word.ts'

/** Commander's complaint about the command line `argv` in our form, with what was meant or where to read on. */
export function usageError(error: CommanderError, program: Command, argv: readonly string[]): TwqError {
  const { command, at } = commandOf(program, argv)
  const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const unknown = /^unknown command '(.*)'$/.exec(what)?.[1]
  const replacement = unknown === undefined ? undefined : replacementOf(unknown)
  if (replacement !== undefined) return new TwqError('TWQ_USAGE', what, { hint: `Celery's; here: ${replacement}` })
  if (command === 'twq worker' && error.code === 'commander.unknownOption') {
    return new TwqError('TWQ_USAGE', what, { hint: `A worker is started with: ${withStart(argv, at)}` })
  }
  return new TwqError('TWQ_USAGE', what, { hint: suggestion?.replace(/^\((.*)\)$/, '$1') ?? `See ${command} --help` })
}

/** A command that was named: `twq task send`, and where in `argv` its last word is. */
interface Named {
  readonly command: string
  readonly at: number
}

function commandOf(program: Command, argv: readonly string[]): Named {
  const words = [program.name()]
  let command: Command = program
  let at = 1
  for (let index = 2; index < argv.length; index++) {
    const word = argv[index] as string
    if (word.startsWith('-')) {
      const option = program.options.find(({ short, long }) => word === short || word === long)
      if (option?.required) index += 1
      continue
    }
    const next = command.commands.find((other) => other.name() === word)
    if (next === undefined) break
    command = next
    words.push(word)
    at = index
  }
  return { command: words.join(' '), at }
}

/** Celery's `twq worker -Q a` with the word that is missing, to be pasted. */
function withStart(argv: readonly string[], at: number): string {
  const words = ['twq', ...argv.slice(2, at + 1), 'start', ...argv.slice(at + 1)]
  return words.map(shellWord).join(' ')
}
