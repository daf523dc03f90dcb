import type { Command } from 'commander'
import type { OptionTable } from '../../config/options/option.ts'

/** Adds the flags of options: those of every command, or those of a worker. */
export function addConfigFlags(command: Command, of: 'all' | 'worker', table: OptionTable): Command {
  for (const { flag, doc, derived, default: fallback } of Object.values(table)) {
    if (flag?.of !== of) continue
    const names = flag.short === undefined ? flag.long : `${flag.short}, ${flag.long}`
    const usage = flag.placeholder === undefined ? names : `${names} ${flag.placeholder}`
    const otherwise = derived ?? String(fallback)
    // No default is shown for a flag without a value, or for an empty list.
    const shown = flag.means !== undefined || otherwise === '' ? '' : ` (default: ${otherwise})`
    command.option(usage, `${flag.doc ?? doc}${shown}`)
  }
  return command
}

/** The name that commander keeps a flag's value under: `--log-format` → `logFormat`, `--no-color` → `color`. */
export function flagAttribute(long: string): string {
  return long
    .slice(2)
    .replace(/^no-/, '')
    .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** The value that commander keeps for a given flag without an argument: false for `--no-…`, otherwise true. */
export function givenAs(long: string): boolean {
  return !long.startsWith('--no-')
}

/** What was typed for each option, by its key, from the flags as commander keeps them. */
export function typedOptions(
  flags: Readonly<Record<string, unknown>>,
  table: OptionTable,
): Readonly<Record<string, string>> {
  const typed: Record<string, string> = {}
  for (const [key, { flag }] of Object.entries(table)) {
    if (flag === undefined) continue
    const value = flags[flagAttribute(flag.long)]
    if (typeof value === 'string') typed[key] = value
    else if (value === givenAs(flag.long) && flag.means !== undefined) typed[key] = flag.means
  }
  return typed
}
