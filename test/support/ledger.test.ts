import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Ledger, recordEnd, recordStart } from './ledger.ts'

let folder: string
let ledger: Ledger

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twq-ledger-'))
  ledger = new Ledger(join(folder, 'ledger'))
})

afterEach(() => rmSync(folder, { recursive: true }))

it('finds nothing wrong when everything ran once', () => {
  for (const id of ['a', 'b']) run(id)
  expect(ledger.judge(['a', 'b'])).toEqual({ sent: 2, ran: 2, lost: [], phantom: [], extraStarts: 0, unexplained: [] })
})

it('calls lost what did not run to its end', () => {
  run('a')
  recordStart(ledger.path, 'b', false)
  expect(ledger.judge(['a', 'b', 'c'])).toMatchObject({ ran: 1, lost: ['b', 'c'] })
})

it('accepts a second start that was told of the first, and no other', () => {
  recordStart(ledger.path, 'a', false)
  run('a', true)
  run('b')
  run('b')
  expect(ledger.judge(['a', 'b'])).toMatchObject({ ran: 2, extraStarts: 2, unexplained: ['b'] })
})

it('notices what nobody sent', () => {
  run('x')
  expect(ledger.judge([])).toMatchObject({ phantom: ['x'] })
})

it('waits for what other processes write', async () => {
  const twoEnded = ledger.until(({ ended }) => ended.size === 2, 'two ends')
  run('a')
  run('b')
  await twoEnded
  expect(ledger.starts.map(({ id, pid }) => [id, pid])).toEqual([
    ['a', process.pid],
    ['b', process.pid],
  ])
})

it('names what it waited for in vain', async () => {
  await expect(ledger.until(() => false, 'a miracle', 10)).rejects.toThrow('gave up waiting for a miracle after 10 ms')
})

function run(id: string, redelivered = false): void {
  recordStart(ledger.path, id, redelivered)
  recordEnd(ledger.path, id)
}
