import type { Command } from 'commander'
import { optionKeys, options } from '../../config/options.ts'

/** Adds the flags of the option table: those of every command, or those of a worker. */
export function addConfigFlags(command: Command, of: 'all' | 'worker'): Command {
  for (const key of optionKeys) {
    const { flag, doc, derived, default: fallback } = options[key]
    if (flag?.of !== of) continue
    const names = flag.short === undefined ? flag.long : `${flag.short}, ${flag.long}`
    const usage = flag.placeholder === undefined ? names : `${names} ${flag.placeholder}`
    const otherwise = derived ?? String(fallback)
    // One that takes no value is off unless given, and an empty list says nothing.
    const shown = flag.means !== undefined || otherwise === '' ? '' : ` (default: ${otherwise})`
    command.option(usage, `${flag.doc ?? doc}${shown}`)
  }
  return command
}
