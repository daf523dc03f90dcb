import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Format } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aPackedProject, type PackedProject } from '../support/packed.ts'

const run = promisify(execFile)

const PROGRAMS = {
  'twq/client': `import { createClient } from 'twq/client'
    const client = createClient({ broker: 'amqp://127.0.0.1:1//' })
    console.log(client.encode('add', [1, 2]).route.routingKey)
    void client.close()`,
  'twq/worker': `import { createWorker } from 'twq/worker'
    console.log(createWorker({ config: { pool: 'async' }, tasks: [] }).health().state)`,
}

const PRINTED = { 'twq/client': 'celery', 'twq/worker': 'new' }

describe('a program that another bundler has put into one file', () => {
  let project: PackedProject

  beforeAll(() => {
    project = aPackedProject()
  })
  afterAll(() => project[Symbol.dispose]())

  const cases = (['esm', 'cjs'] as const).flatMap((format) =>
    (['twq/client', 'twq/worker'] as const).map((door) => [door, format] as const),
  )

  it.each(cases)('with %s in it, as %s, says that twq has to stay outside', async (door, format) => {
    const outcome = run(process.execPath, [await bundled(door, format, [])], { cwd: project.folder })
    await expect(outcome).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /TwqError: twq was put into a bundle[\s\S]*code: 'TWQ_BUNDLED'[\s\S]*--external:twq/,
      ),
    })
  })

  it.each(cases)('with %s outside, as %s, runs', async (door, format) => {
    const { stdout } = await run(process.execPath, [await bundled(door, format, ['twq'])], { cwd: project.folder })
    expect(stdout.trim()).toBe(PRINTED[door])
  })

  async function bundled(door: keyof typeof PROGRAMS, format: Format, external: string[]): Promise<string> {
    const name = `${door.replace('/', '-')}-${external.length}`
    const entry = join(project.folder, `${name}.ts`)
    writeFileSync(entry, PROGRAMS[door])
    const outfile = join(project.folder, 'out', `${name}.${format === 'esm' ? 'mjs' : 'cjs'}`)
    // The optional peers are not there.
    const peers = ['ioredis', 'libsql', '@opentelemetry/api']
    const options = { bundle: true, platform: 'node', logLevel: 'silent' } as const
    await build({ ...options, entryPoints: [entry], outfile, format, external: [...external, ...peers] })
    return outfile
  }
})
