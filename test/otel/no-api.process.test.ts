import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aProjectWithout, type ProjectWithout } from '../support/project-without.ts'

const IMPORTS = `
  const { exports } = JSON.parse(await (await import('node:fs/promises')).readFile('node_modules/twq/package.json', 'utf8'))
  for (const door of Object.keys(exports)) {
    const name = 'twq' + door.slice(1)
    if (!/json$/.test(door)) await import(name).then(() => console.log(name), (error) => console.log(name, error.code, error.message, error.hint))
  }
`

let project: ProjectWithout

beforeAll(() => {
  project = aProjectWithout('@opentelemetry', {
    'imports.mjs': IMPORTS,
    'worker.config.mjs': `
      import { openTelemetry } from 'twq/otel'
      export default { tasks: [], plugins: [openTelemetry()] }
    `,
  })
})
afterAll(() => project?.[Symbol.dispose]())

describe('without @opentelemetry/api', () => {
  it('twq/otel says what to install, and all other entry points load', async () => {
    const { stdout } = await project.run('imports.mjs', [])
    expect(stdout.trim().split('\n').sort()).toEqual([
      'twq',
      'twq/client',
      'twq/current',
      'twq/devbroker',
      'twq/monitor',
      'twq/otel TWQ_CONFIG twq/otel needs the package @opentelemetry/api, which is not installed npm install @opentelemetry/api',
      'twq/testing',
      'twq/worker',
    ])
  })

  it('a worker whose configuration asks for it ends with that', async () => {
    const { status, stderr } = await project.run('twq', ['worker', 'start', '--dry-run'])
    expect(status).toBe(78)
    expect(stderr).toContain('twq/otel needs the package @opentelemetry/api, which is not installed')
    expect(stderr).toContain('npm install @opentelemetry/api')
  })
})
