import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'
import { cyclesIn, type Import, importsOf } from './imports.ts'
import { type Arrow, arrowOf, arrows, mostFilesIn, objectionToRoom } from './rooms.ts'

const SRC = new URL('../../src/', import.meta.url)

const files = globSync('**/*.{ts,mts,mjs}', { cwd: SRC })
const imports = files.flatMap((file) => importsOf(file, readFileSync(new URL(file, SRC), 'utf8')))
const allowed: readonly Arrow[] = Object.entries(arrows).flatMap(([folder, rooms]) =>
  Object.entries(rooms).flatMap(([from, others]) => others.map((to) => ({ folder, from, to }))),
)

describe('the rooms of a folder', () => {
  it('import only those that the table lets them', () => {
    expect(imports.map(objectionToRoom).filter((objection) => objection !== undefined)).toEqual([])
  })

  it('need every arrow of the table', () => {
    const text = ({ folder, from, to }: Arrow): string => `${folder}: ${from} to ${to}`
    const needed = new Set(imports.map(arrowOf).flatMap((arrow) => (arrow ? [text(arrow)] : [])))
    expect(allowed.map(text).filter((arrow) => !needed.has(arrow))).toEqual([])
  })

  it('stand in no circle', () => {
    const edges = allowed.map(({ folder, from, to }) => importing(`${folder}/${from}`, `${folder}/${to}`))
    expect(cyclesIn(edges)).toEqual([])
  })

  it('hold no more files than a reader takes in at a glance', () => {
    const counts = new Map<string, number>()
    for (const file of files) counts.set(posix.dirname(file), (counts.get(posix.dirname(file)) ?? 0) + 1)
    expect([...counts].filter(([folder, count]) => count > mostFilesIn(folder))).toEqual([])
  })
})

describe('the rule of rooms', () => {
  it.each([
    ['worker/create-worker.ts', 'worker/settle/settle.ts'],
    ['worker/settle/settle.ts', 'worker/request/request.ts'],
    ['worker/settle/settle.ts', 'worker/settle/settlement.ts'],
    ['protocol/task/encode-task.ts', 'protocol/wire.ts'],
    ['worker/settle/settle.ts', 'protocol/task/encode-task.ts'],
    ['index.ts', 'errors.ts'],
  ])('allows %s to import %s', (from, to) => {
    expect(objectionToRoom(importing(from, to))).toBeUndefined()
  })

  it.each([
    ['worker/request/request.ts', 'worker/settle/settle.ts', 'no arrow leads from request to settle in worker'],
    ['worker/request/request.ts', 'worker/create-worker.ts', 'no arrow leads from request to . in worker'],
    ['protocol/wire.ts', 'protocol/task/encode-task.ts', 'no arrow leads from . to task in protocol'],
    ['config/a/b.ts', 'config/c/d.ts', 'no arrow leads from a to c in config'],
  ])('refuses %s importing %s', (from, to, objection) => {
    expect(objectionToRoom(importing(from, to))).toContain(objection)
  })
})

function importing(from: string, to: string): Import {
  return { from, to, kind: 'file', typeOnly: false }
}
