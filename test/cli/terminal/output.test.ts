import { describe, expect, it } from 'vitest'
import { type Column, table, toJson } from '../../../src/cli/terminal/output.ts'
import { displayWidth } from '../../../src/runtime/text/display-width.ts'

interface Row {
  readonly name: string
  readonly args: string
  readonly count: number
}

const columns: Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'ARGS', cell: ({ args }) => args, elastic: true },
  { title: 'COUNT', cell: ({ count }) => String(count), align: 'right' },
]

describe('tables', () => {
  it('aligns columns without borders, numbers to the right', () => {
    const rows = [
      { name: 'add', args: '[1, 2]', count: 5 },
      { name: 'multiply', args: '', count: 12_345 },
    ]
    expect(table(rows, columns)).toBe(
      ['NAME      ARGS    COUNT', 'add       [1, 2]      5', 'multiply          12345', ''].join('\n'),
    )
  })

  it('cuts the middle out of what is too long for the terminal', () => {
    const rows = [{ name: 'add', args: 'abcdefghijklmnopqrstuvwxyz', count: 1 }]
    expect(table(rows, columns, { width: 30 }).split('\n')[1]).toBe('add   abcdefgh…stuvwxyz      1')
  })

  it('lets a line be longer rather than cut everything away', () => {
    const rows = [{ name: 'a-name-as-long-as-this', args: 'abcdefghijklmnopqrstuvwxyz', count: 1 }]
    expect(table(rows, columns, { width: 10 }).split('\n')[1]).toContain('abcdefghi…rstuvwxyz')
  })

  it('aligns what a terminal draws two columns wide, and cuts between characters', () => {
    const rows = [
      { name: '任务', args: '[1]', count: 1 },
      { name: 'family👨‍👩‍👧‍👦', args: '漢字'.repeat(20), count: 12 },
    ]
    const lines = table(rows, columns, { width: 40 }).trimEnd().split('\n')
    expect(lines.map(displayWidth)).toEqual(lines.map(() => displayWidth(lines[0] as string)))
    expect(displayWidth(lines[0] as string)).toBeLessThanOrEqual(40)
  })

  it('uses the whole of a second line where one is too short in any case', () => {
    const rows = [{ name: 'n'.repeat(30), args: 'abcdefghijklmnopqrstuvwxyz', count: 1 }]
    expect(table(rows, columns, { width: 40 }).split('\n')[1]).toContain('abcdefghijklmnopqrstuvwxyz')
    expect(table(rows, columns, { width: 32 }).split('\n')[1]).toHaveLength(64)
  })

  it('cuts cells at a thousand characters, unless all of a thing is to be shown', () => {
    const rows = [{ name: 'a', args: 'x'.repeat(100_000), count: 1 }]
    expect(table(rows, columns)).not.toContain('x'.repeat(1_001))
    expect(table(rows, columns, { whole: true })).toContain('x'.repeat(100_000))
  })

  it('lets no cell break the line or steer the terminal', () => {
    const rows = [{ name: 'a\nb', args: '\u001b[31m', count: 1 }]
    expect(table(rows, columns).split('\n')).toHaveLength(3)
    expect(table(rows, columns)).toContain('\\u001b[31m')
  })
})

describe('JSON', () => {
  it.each<[unknown, string]>([
    [2n ** 64n, '18446744073709551616'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Uint8Array([1, 2]), '"AQI="'],
    [Number.NaN, 'NaN'],
    [undefined, 'null'],
    [[], '[]'],
    [{}, '{}'],
    [[1, [2n]], '[1, [2]]'],
    [{ a: undefined, b: { 'c"': null } }, '{"b": {"c\\"": null}}'],
  ])('writes %o as %s', (value, expected) => {
    expect(toJson(value, { compact: true })).toBe(expected)
  })

  it('is indented unless compact, as JSON.stringify does it', () => {
    const value = { a: [1, { b: 'text' }], c: {}, d: [] }
    expect(toJson(value)).toBe(JSON.stringify(value, null, 2))
  })
})

it('writes JSON that steers no terminal, with the same values', () => {
  const evil = '\u009b2J\u202e\u2066\u2028\u007f\u001b[2J'
  const text = toJson({ [evil]: [evil] })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
  expect(JSON.parse(text)).toEqual({ [evil]: [evil] })
})
