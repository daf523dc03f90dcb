import { styleText } from 'node:util'
import { type Command, CommanderError } from 'commander'
import { TwqError } from '../errors.ts'
import { replacementOf } from './flags/celery-names.ts'
import type { GlobalOptions } from './flags/global-options.ts'
import { createProgram } from './program.ts'
import { explain } from './terminal/errors-for-people.ts'
import { EXIT, exitCodeOf } from './terminal/exit-codes.ts'
import { shellWord } from './terminal/shell-word.ts'

/** Runs one command line, `argv` as Node gives it, and returns the status to exit with. Never throws. */
export async function main(given: readonly string[]): Promise<number> {
  const argv = withoutHelpWord(given)
  let status: number = EXIT.ok
  const program = await createProgram(argv[2], (code) => {
    status = code
  })
  program.hook('preAction', () => {
    hearCelery(program)
    applyGlobals(program.opts())
  })
  try {
    await program.parseAsync([...argv])
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok
    const error = thrown instanceof CommanderError ? usageError(thrown, commandOf(program, argv), argv) : thrown
    if (error === undefined) return EXIT.usage
    const { json, output, verbose = false } = program.opts<GlobalOptions>()
    process.stderr.write(explain(error, { json: json === true || output === 'json', verbose, emphasise: inRed }))
    return exitCodeOf(error)
  }
}

/** Takes Celery's long names for flags of ours, where ours are not given. */
function hearCelery(program: Command): void {
  for (const [name, celerys] of [
    ['config', 'app'],
    ['cwd', 'workdir'],
  ] as const) {
    if (program.getOptionValue(name) === undefined) program.setOptionValue(name, program.getOptionValue(celerys))
  }
}

function applyGlobals({ cwd, color }: GlobalOptions): void {
  if (color === false) {
    process.env.NO_COLOR = '1'
    delete process.env.FORCE_COLOR
  }
  if (cwd === undefined) return
  try {
    process.chdir(cwd)
  } catch (cause) {
    throw new TwqError('TWQ_USAGE', `--cwd: can't work in ${cwd}`, { cause })
  }
}

/** `twq help task send` as commander takes it: `twq task send --help`. */
function withoutHelpWord(argv: readonly string[]): readonly string[] {
  return argv[2] === 'help' ? [...argv.slice(0, 2), ...argv.slice(3), '--help'] : argv
}

/** Commander's complaint in our form; `undefined` where help was the answer, to a command without its verb. */
function usageError(error: CommanderError, { command, at }: Named, argv: readonly string[]): TwqError | undefined {
  if (error.code === 'commander.help') return undefined
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

function inRed(text: string): string {
  return styleText('red', text, { stream: process.stderr })
}
