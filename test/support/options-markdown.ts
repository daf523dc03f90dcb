import type { OptionTable } from '../../src/config/options/option.ts'
import { options } from '../../src/config/options.ts'
import { shownDefault } from '../../src/config/problems.ts'

/** The option table as the documentation shows it. */
export function optionsMarkdown(table: OptionTable = options): string {
  const rows = Object.entries(table).map(([key, option]) => {
    const { default: fallback, derived, env, celeryEnv = [], flag, parser, doc } = option
    const environment = [...(env === undefined ? [] : [env]), ...celeryEnv.map(({ name }) => name)]
      .map((name) => `\`${name}\``)
      .join(', ')
    const flags = flag === undefined ? '' : [flag.short, flag.long].filter(Boolean).join(', ')
    const cells = [
      `\`${key}\``,
      doc,
      parser.expected,
      derived ?? `\`${shownDefault(fallback)}\``,
      environment,
      flags === '' ? '' : `\`${flags}\``,
    ]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| key | what it says | value | default | environment | flag |', '|---|---|---|---|---|---|', ...rows].join(
    '\n',
  )
}
