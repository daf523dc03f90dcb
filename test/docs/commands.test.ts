import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Command } from '../../src/cli/flags/commander.ts'
import { addFamilies, createProgram } from '../../src/cli/program.ts'

const DOCS = new URL('../../docs', import.meta.url).pathname
// A command in a sentence or a table; `twq foo` stands for any.
const NAMED = /`twq (?!foo|queue foo)((?:[a-z]+(?:-[a-z]+)*(?: |(?=`)))+)/g

it('names only commands that there are', async () => {
  const program = createProgram(() => {})
  await addFamilies(program.commands, () => {})
  const named = readdirSync(DOCS).flatMap((page) => {
    const text = page.endsWith('.md') ? readFileSync(join(DOCS, page), 'utf8') : ''
    return [...text.matchAll(NAMED)].map(([, words = '']) => ({ page, words: words.trim() }))
  })
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter(({ words }) => !isKnown(program, words.split(' ')))).toEqual([])
})

/** Whether words begin with the name of a command, and, where that has others below it, one of these; arguments may follow. */
function isKnown(command: Command, [word, ...rest]: readonly string[]): boolean {
  if (word === undefined || command.commands.length === 0) return true
  const found = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
  return found !== undefined && isKnown(found, rest)
}
