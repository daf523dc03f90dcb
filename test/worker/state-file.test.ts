import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { StateFile } from '../../src/worker/state-file.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { tempFolder } from '../support/temp-folder.ts'

const aPath = (): string => join(tempFolder(), 'state.json')

it('gives back what was saved last, and leaves nothing else behind', async () => {
  const path = aPath()
  const file = new StateFile(path, silentLogger)
  expect(await file.load()).toBeUndefined()
  for (const id of ['a', 'b', 'c']) file.save(() => ({ ids: [[id, 1.5]], stamps: [['name', id, 2]] }))
  await file.flush()
  expect(await new StateFile(path, silentLogger).load()).toEqual({ ids: [['c', 1.5]], stamps: [['name', 'c', 2]] })
  expect(await readdir(join(path, '..'))).toEqual(['state.json'])
})

it.each(['', '{', '[]', '{"revoked":{"ids":[["a"]],"stamps":[]}}', '{"revoked":{"ids":[["a","b"]],"stamps":[]}}'])(
  'refuses a file that is none of its own: %j',
  async (text) => {
    const path = aPath()
    await writeFile(path, text)
    await expect(new StateFile(path, silentLogger).load()).rejects.toMatchObject({ code: 'TWQ_CONFIG' })
    expect(await readFile(path, 'utf8')).toBe(text)
  },
)
