import { setImmediate as turn } from 'node:timers/promises'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { candidates } from '../../src/cli/completion/candidates.ts'
import { type Families, families } from '../../src/cli/families.ts'
import { addConfigFlags, typedOptions } from '../../src/cli/flags/config-flags.ts'
import { addFamilies, createProgram } from '../../src/cli/program.ts'
import type { Exit } from '../../src/cli/terminal/exit-codes.ts'
import { type OptionTable, option, tableOf, type WrittenOf } from '../../src/config/options/option.ts'
import { oneOf } from '../../src/config/options/parsers.ts'
import { poolOption } from '../../src/config/options/running.ts'
import { options } from '../../src/config/options.ts'
import { resolveWithOrigins } from '../../src/config/resolve-config.ts'
import type { ConfigSources } from '../../src/config/sources.ts'
import { poolKinds } from '../../src/pool/kinds/all.ts'
import type { PoolKind } from '../../src/pool/pool-kind.ts'
import { poolConformance, subjectOf } from '../conformance/pool.ts'
import { optionsTable } from '../readme/options-table.ts'
import { optionsMarkdown } from '../support/options-markdown.ts'

// The recipes of docs/architecture.md, "Where do I add …", followed here: what they add is this file's alone.

describe('an option is its row', () => {
  const added = {
    /** How a worker greets those who ask for it. */
    greeting: option({
      default: 'plain',
      env: 'TWQ_GREETING',
      celeryEnv: [{ name: 'CELERY_GREETING' }],
      flag: { long: '--greeting', placeholder: '<how>', of: 'worker' },
      parser: oneOf('plain', 'warm', 'none'),
      celeryValues: { polite: 'warm' },
      doc: 'how a worker greets those who ask for it',
    }),
  }
  const table: OptionTable = { ...options, ...tableOf(added) }
  const resolved = (sources: Partial<ConfigSources> = {}) => {
    const { config, origins, notices } = resolveWithOrigins({ baseDir: '/project', ...sources }, table)
    return { value: (config as { greeting?: unknown }).greeting, origin: origins.get('greeting'), notices }
  }
  const inFile = (content: WrittenOf<typeof added>) => ({ path: `${process.cwd()}/worker.config.ts`, content })
  const start = () => addConfigFlags(new Command('start'), 'worker', table)

  it('that has a default', () => {
    expect(resolved()).toEqual({ value: 'plain', origin: 'default', notices: [] })
  })

  it('that the file, the environment and a flag set, the later one above the earlier', () => {
    const file = inFile({ greeting: 'none' })
    expect(resolved({ env: { CELERY_GREETING: 'none' } })).toMatchObject({ value: 'none', origin: 'CELERY_GREETING' })
    expect(resolved({ file })).toMatchObject({ value: 'none', origin: 'worker.config.ts' })
    const env = { TWQ_GREETING: 'warm' }
    expect(resolved({ file, env })).toEqual({ value: 'warm', origin: 'TWQ_GREETING', notices: [] })
    const flags = typedOptions(start().parse(['--greeting', 'plain'], { from: 'user' }).opts(), table)
    expect(resolved({ file, env, flags })).toEqual({ value: 'plain', origin: '--greeting', notices: [] })
  })

  it("that hears Celery's word with a notice, and refuses what it does not know", () => {
    expect(resolved({ env: { TWQ_GREETING: 'polite' } })).toMatchObject({
      value: 'warm',
      notices: ["greeting 'polite' is Celery's word for 'warm' (from TWQ_GREETING)"],
    })
    const refused = "greeting must be 'plain', 'warm' or 'none', got \"cold\" (from TWQ_GREETING)"
    expect(() => resolved({ env: { TWQ_GREETING: 'cold' } })).toThrow(refused)
    expect(() => resolved({ file: { path: 'x', content: { greetin: 'warm' } } })).toThrow('did you mean greeting?')
  })

  it('that --help shows and the shell completes', () => {
    expect(start().helpInformation()).toMatch(/--greeting <how> +how a worker greets those who ask for it/)
    const program = new Command('twq')
    program.addCommand(start())
    const words = candidates(program, ['start', '--greeting', ''], table).map(({ word }) => word)
    expect(words).toEqual(['plain', 'warm', 'none'])
  })

  it('that the tables of the documentation have', () => {
    expect(optionsMarkdown(table).split('\n').at(-1)).toBe(
      "| `greeting` | how a worker greets those who ask for it | 'plain', 'warm' or 'none' | `'plain'` | `TWQ_GREETING`, `CELERY_GREETING` | `--greeting` |",
    )
    expect(optionsTable(table)).toContain("| `greeting` | how a worker greets those who ask for it | `'plain'` |\n")
  })
})

describe('a family of commands is a folder and a line', () => {
  const greeted: string[] = []
  const addGreet = (greet: Command, exit: Exit): void => {
    greet
      .command('one <name>')
      .description('greet one')
      .option('--twice', 'and once more')
      .action(async (name: string, _options, command: Command) => {
        greeted.push(...(command.optsWithGlobals().twice ? [name, name] : [name]))
        exit(3)
      })
  }
  const all: Families = { ...families, greet: { description: 'greet workers', load: async () => addGreet } }

  it('that runs, and ends with its status', async () => {
    const statuses: number[] = []
    const program = createProgram((status) => statuses.push(status), all)
    await program.parseAsync(['greet', 'one', 'twq@a', '--twice'], { from: 'user' })
    expect(greeted).toEqual(['twq@a', 'twq@a'])
    expect(statuses).toEqual([3])
  })

  it('that --help lists among the others, and the shell completes', async () => {
    const program = createProgram(() => {}, all)
    expect(program.helpInformation()).toMatch(/^ {2}greet +greet workers$/m)
    await addFamilies(program.commands, () => {}, all)
    const one = program.commands.find((command) => command.name() === 'greet')?.commands[0]
    expect(one?.helpInformation()).toMatch(/--twice +and once more/)
    expect(candidates(program, ['gre'])).toEqual([{ word: 'greet', does: 'greet workers' }])
    expect(candidates(program, ['greet', 'one', '--tw'])).toEqual([{ word: '--twice', does: 'and once more' }])
  })
})

describe('a pool kind is one object', () => {
  const turns: PoolKind<'turns'> = {
    name: 'turns',
    celeryNames: ['twisted'],
    where: 'turns of the event loop',
    onEventLoop: true,
    concurrency: { count: () => 2, words: '2' },
    open(make) {
      const pool = make.onEventLoop()
      return {
        ...pool,
        async run(...attempt) {
          await turn()
          return await pool.run(...attempt)
        },
      }
    },
  }

  poolConformance({ ...subjectOf(turns), atOnce: 20, members: 'none' })

  it("that the configuration takes by its name, and Celery's, and documents", () => {
    const row = poolOption([...poolKinds, turns])
    expect(row.parser.fromValue('turns')).toBe('turns')
    expect(row.parser.fromText('twisted')).toBeUndefined()
    expect(row.celeryValues).toMatchObject({ prefork: 'processes', twisted: 'turns' })
    expect(row.parser.expected).toBe("'async', 'threads', 'processes', 'solo' or 'turns'")
    expect(row.doc).toMatch(/one by one, or turns of the event loop$/)
  })
})
