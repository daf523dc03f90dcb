import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { TurnWriter } from '../../../src/runtime/log/turn-writer.ts'
import { tempFolder } from '../../support/temp-folder.ts'

function aFile(): { fd: number; read: () => string; close: () => void } {
  const path = join(tempFolder(), 'log')
  const fd = openSync(path, 'w')
  return { fd, read: () => readFileSync(path, 'utf8'), close: () => closeSync(fd) }
}

it('writes the lines of one turn together, in their order', async () => {
  const file = aFile()
  const writer = new TurnWriter(file.fd)
  for (const line of ['one\n', 'two\n', 'three\n']) writer.write(line)
  expect(file.read()).toBe('')
  await new Promise((resolve) => setImmediate(resolve))
  expect(file.read()).toBe('one\ntwo\nthree\n')
  file.close()
})

it('does not let a burst grow without bound', () => {
  const file = aFile()
  const writer = new TurnWriter(file.fd)
  writer.write('x'.repeat(100_000))
  expect(file.read()).toHaveLength(100_000)
  file.close()
})
