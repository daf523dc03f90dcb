import type { OptionTable } from '../../src/config/options/option.ts'
import { options } from '../../src/config/options.ts'
import { shownDefault } from '../../src/config/problems.ts'

const BEGIN = '<!-- options -->\n'
const END = '<!-- /options -->'

/** The option table of the README, as it follows from src/config/options/. */
export function optionsTable(table: OptionTable = options): string {
  const rows = Object.entries(table).map(([key, option]) => {
    const { default: fallback, derived, doc } = option
    return `| \`${key}\` | ${doc} | ${derived ?? `\`${shownDefault(fallback)}\``} |\n`
  })
  return ['| key | what it says | default |\n', '|---|---|---|\n', ...rows].join('')
}

/** The table that a README holds between its two marks. */
export function tableIn(readme: string): string {
  const [begin, end] = marks(readme)
  return readme.slice(begin, end)
}

/** A README with its table renewed. */
export function withTable(readme: string, table: string): string {
  const [begin, end] = marks(readme)
  return readme.slice(0, begin) + table + readme.slice(end)
}

function marks(readme: string): [begin: number, end: number] {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`the README has no ${BEGIN.trim()} … ${END}`)
  return [begin + BEGIN.length, end]
}
