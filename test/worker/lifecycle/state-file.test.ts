import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { StateFile } from '../../../src/worker/lifecycle/state-file.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const aPath = (): string => join(tempFolder(), 'state.json')

const saved = async (path: string, id: string): Promise<void> => {
  const file = new StateFile(path, silentLogger)
  file.save(() => ({ ids: [[id, 1]], stamps: [] }))
  await file.flush()
}

it('gives back what was saved last, and leaves nothing else behind', async () => {
  const path = aPath()
  const file = new StateFile(path, silentLogger)
  expect(await file.load()).toBeUndefined()
  for (const id of ['a', 'b', 'c']) file.save(() => ({ ids: [[id, 1.5]], stamps: [['name', id, 2]] }))
  await file.flush()
  expect(await new StateFile(path, silentLogger).load()).toEqual({ ids: [['c', 1.5]], stamps: [['name', 'c', 2]] })
  expect(await readdir(join(path, '..'))).toEqual(['state.json'])
})

it('is for its owner alone, also where an older one was not', async () => {
  const path = aPath()
  await writeFile(path, '{"version":1,"revoked":{"ids":[],"stamps":[]}}')
  await chmod(path, 0o644)
  await saved(path, 'a')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

it('writes through no link that waits under the name of a draft', async () => {
  const path = aPath()
  const victim = join(path, '..', 'victim')
  await writeFile(victim, 'precious')
  await symlink(victim, `${path}.${process.pid}.tmp`)
  await saved(path, 'a')
  expect(await readFile(victim, 'utf8')).toBe('precious')
})

it.each([
  ['nothing', ''],
  ['blanks', ' \n'],
  ['zeros', '\0\0\0\0\0\0\0\0'],
  ['a beginning', '{"ver'],
  ['half of it', '{"version":1,"revoked":{"ids":[["a",1'],
  ['half of it and zeros', '{"version":1,"revoked":{"ids":[["a",1\0\0\0'],
])('starts without a file that holds %s, and keeps it under another name', async (_, text) => {
  const path = aPath()
  await writeFile(path, text)
  const events: unknown[] = []
  const destination = { write: (line: string) => events.push(JSON.parse(line).event) }
  const file = new StateFile(path, createLogger({ level: 'warn', format: 'json', destination }))
  expect(await file.load()).toBeUndefined()
  expect(events).toEqual(['state.torn'])
  const [kept = ''] = await readdir(join(path, '..'))
  expect(kept).toMatch(/^state\.json\.torn-/)
  expect(await readFile(join(path, '..', kept), 'utf8')).toBe(text)
})

it.each([
  'not ours',
  '[]',
  '{"name":"my-project"}',
  '{"revoked":{"ids":[["a"]],"stamps":[]}}',
  '{"version":1,"revoked":{"ids":[["a","b"]],"stamps":[]}}',
])('refuses a file that no worker wrote, and leaves it: %j', async (text) => {
  const path = aPath()
  await writeFile(path, text)
  await expect(new StateFile(path, silentLogger).load()).rejects.toMatchObject({ code: 'TWQ_CONFIG' })
  expect(await readFile(path, 'utf8')).toBe(text)
})

it.each(['/proc/nowhere/state.json', '/dev/null/state.json'])(
  'refuses at once a path that can not be written: %s',
  async (path) => {
    await expect(new StateFile(path, silentLogger).load()).rejects.toMatchObject({
      code: 'TWQ_STATEDB',
      message: expect.stringContaining(path),
    })
  },
)

it('refuses a folder, and leaves nothing in it', async () => {
  const path = aPath()
  await mkdir(path)
  await expect(new StateFile(path, silentLogger).load()).rejects.toMatchObject({ code: 'TWQ_STATEDB' })
  expect(await readdir(join(path, '..'))).toEqual(['state.json'])
})
