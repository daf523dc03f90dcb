import type { Command, Option } from 'commander'
import type { OptionTable } from '../../config/options/option.ts'
import { options } from '../../config/options.ts'

/** A word that may stand where the cursor is. */
export interface Candidate {
  readonly word: string
  /** Its description on one line; empty for a value. */
  readonly does: string
}

/**
 * The completions of the last of the words after `twq`, which may be empty. Empty if any value is allowed, for
 * example a path: the shell then offers files.
 */
export function candidates(
  program: Command,
  words: readonly string[],
  table: OptionTable = options,
): readonly Candidate[] {
  const current = words.at(-1) ?? ''
  const { command, flag, position } = walk(program, words.slice(0, -1))
  if (flag !== undefined) return matching(valuesOf(flag, table), current)
  const [, name, typed] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? []
  if (name !== undefined && typed !== undefined) {
    const option = findOption(program, command, name)
    const values = option === undefined ? [] : matching(valuesOf(option, table), typed)
    return values.map(({ word, does }) => ({ word: `${name}=${word}`, does }))
  }
  if (current.startsWith('-')) return matching(flagsOf(program, command), current)
  if (command.commands.length > 0) return matching(verbsOf(command), current)
  const argument = command.registeredArguments[position]
  return matching(argument?.argChoices?.map((word) => ({ word, does: '' })) ?? [], current)
}

/** Where the words lead: the command, the flag whose value is next, and how many arguments are given. */
function walk(program: Command, words: readonly string[]) {
  let command = program
  let flag: Option | undefined
  let position = 0
  for (const word of words[0] === 'help' ? words.slice(1) : words) {
    const next = command.commands.find((other) => other.name() === word || other.aliases().includes(word))
    if (flag !== undefined) flag = undefined
    else if (word.startsWith('-')) {
      const option = findOption(program, command, word)
      flag = option?.required === true ? option : undefined
    } else if (next !== undefined) command = next
    else position += 1
  }
  return { command, flag, position }
}

function findOption(program: Command, command: Command, name: string): Option | undefined {
  return [...command.options, ...program.options].find(({ short, long }) => name === short || name === long)
}

function verbsOf(command: Command): readonly Candidate[] {
  return command.commands.map((verb) => ({ word: verb.name(), does: verb.description() }))
}

/** The flags that `--help` shows: Celery's other spellings are accepted, but not offered. */
function flagsOf(program: Command, command: Command): readonly Candidate[] {
  const own = command === program ? [] : command.options
  const shown = [...own, ...program.options].filter(({ hidden, long }) => !hidden && long !== '--version')
  const help: Candidate = { word: '--help', does: 'show help' }
  const version: Candidate = { word: '--version', does: 'show the version' }
  const flags = shown.flatMap(({ long, description }) => (long ? [{ word: long, does: description }] : []))
  return command === program ? [...flags, help, version] : [...flags, help]
}

function valuesOf({ long, argChoices }: Option, table: OptionTable): readonly Candidate[] {
  const option = Object.values(table).find(({ flag }) => flag?.long === long)
  const words = argChoices ?? option?.parser.words ?? []
  return words.map((word) => ({ word, does: '' }))
}

function matching(all: readonly Candidate[], typed: string): readonly Candidate[] {
  const seen = new Set<string>()
  return all.filter(({ word }) => word.startsWith(typed) && !seen.has(word) && seen.add(word))
}
