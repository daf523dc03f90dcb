import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

describe('docs/wire-protocol.md', () => {
  const page = readFileSync(join(ROOT, 'docs/wire-protocol.md'), 'utf8')
  const sections = page.match(/(?<=^#{2,4} )\d+(\.\d+)*(?= )/gm) ?? []
  const traps = page.slice(page.indexOf('## 10 ')).match(/^\d+(?=\. )/gm) ?? []
  const cited = globSync('src/**/*.{ts,mjs}', { cwd: ROOT }).flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    return citationsIn(text).map((section) => ({ file, section }))
  })

  it('has every section that a comment of the source cites', () => {
    expect(cited.length).toBeGreaterThan(50)
    const known = new Set([...sections, ...traps.map((trap) => `trap ${trap}`)])
    expect(cited.filter(({ section }) => !known.has(section))).toEqual([])
  })

  it('has each section once, in order', () => {
    const order = (section: string): string =>
      section
        .split('.')
        .map((part) => part.padStart(3, '0'))
        .join('.')
    expect(sections).toEqual([...new Set(sections)].sort((a, b) => order(a).localeCompare(order(b))))
  })
})

describe('the citations in a source file', () => {
  it.each([
    ['/** A reply (wire specification 7.2). */', ['7.2']],
    ['// (wire specification 1.3, 2.1 to 2.4)', ['1.3', '2.1', '2.2', '2.3', '2.4']],
    ['/** (sections 1.2 and 7 of the wire specification): … */', ['1.2', '7']],
    ['// (trap 4 of the wire specification)', ['trap 4']],
    ['/**\n * Celery has it so (wire\n * specification 4.6), and …', ['4.6']],
    ['// The wire specification (7.3, `stats`) names 3 keys', ['7.3']],
    ['// no wire specification at all, in 2.1', []],
  ])('of %j are %j', (text, expected) => {
    expect(citationsIn(text)).toEqual(expected)
  })
})

/** The sections that comments cite: `(wire specification 2.1 to 2.3, 7)`, `section 1.2 of the wire specification`, `trap 4 of …`. */
function citationsIn(text: string): string[] {
  const flat = text.replace(/\n\s*(\*|\/\/)?\s*/g, ' ')
  const list = String.raw`(\d+(?:\.\d+)*(?:(?:,| and| to) \d+(?:\.\d+)*)*)`
  const after = [...flat.matchAll(new RegExp(`wire specification \\(?${list}`, 'g'))]
  const before = [...flat.matchAll(new RegExp(`sections? ${list} of the wire specification`, 'g'))]
  const traps = [...flat.matchAll(/trap (\d+) of the wire specification/g)].map(([, trap]) => `trap ${trap}`)
  return [...after, ...before].flatMap(([, sections = '']) => expanded(sections)).concat(traps)
}

/** `1.3, 2.1 to 2.3` is 1.3, 2.1, 2.2 and 2.3. */
function expanded(list: string): string[] {
  return list.split(/, | and /).flatMap((part) => {
    const [first = '', last] = part.split(' to ')
    if (last === undefined) return [first]
    const [chapter, from] = first.split('.').map(Number)
    const to = Number(last.split('.')[1])
    return Array.from({ length: to - from! + 1 }, (_, index) => `${chapter}.${from! + index}`)
  })
}
