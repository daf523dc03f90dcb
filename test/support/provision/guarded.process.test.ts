import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pollUntil } from '../until.ts'
import { exitOf, killGroup, spawnGuarded } from './guarded.ts'

const GUARDED = new URL('./guarded.ts', import.meta.url).href

/** A shell with a child of its own; both hold a connection to us, which closes when both are gone. */
async function aFamily() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const script = `exec 5<>/dev/tcp/127.0.0.1/${port}; sleep 1000 & wait`
  const connected = once(server, 'connection')
  const gone = connected
    .then(([socket]: Socket[]) => once(socket?.resume() ?? server, 'close'))
    .then(() => server.close())
  return { script, connected, gone }
}

it('a guarded command ends, with its children and its folder, when the process that started it is killed', async () => {
  const { script, connected, gone } = await aFamily()
  const folder = mkdtempSync(join(tmpdir(), 'twq-guarded-'))
  const program = `
    import { spawnGuarded } from ${JSON.stringify(GUARDED)}
    spawnGuarded('bash', ['-c', ${JSON.stringify(script)}], { removes: ${JSON.stringify(folder)} })`
  const starter = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program])
  await connected
  starter.kill('SIGKILL')
  await gone
  await pollUntil(
    'the folder',
    () => existsSync(folder),
    (there) => !there,
  )
})

it('a guarded command is killed with its children, even frozen', async () => {
  const { script, connected, gone } = await aFamily()
  const child = spawnGuarded('bash', ['-c', script])
  await connected
  child.kill('SIGSTOP')
  await killGroup(child)
  await gone
})

it('a guarded command keeps its own exit status, signals and environment', async () => {
  expect(await exitOf(spawnGuarded('bash', ['-c', 'exit $STATUS'], { env: { STATUS: '7' } }))).toEqual({
    code: 7,
    signal: null,
  })
  const patient = spawnGuarded('bash', ['-c', 'trap "exit 3" TERM; echo trapped; while :; do sleep 0.01; done'])
  await once(patient.stdout ?? patient, 'data')
  patient.kill('SIGTERM')
  expect(await exitOf(patient)).toEqual({ code: 3, signal: null })
})
