import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { aProject, type Project } from '../../support/a-project.ts'
import { cleanEnvironment } from '../../support/run-twq.ts'

const dist = fileURLToPath(new URL('../../../dist', import.meta.url))

/** Runs `code` in a Node process of its own, since loaders are there for good; `load` is what it tests. */
async function inNode(project: Project, code: string): Promise<unknown> {
  const script = `
    import { TwqError } from 'twq'
    import { loadModule } from '${join(dist, 'runtime/process/load-typescript.js')}'
    const load = (path) => loadModule('${project.folder}/' + path, 'TWQ_TASKS')
    const attempt = (path) => load(path).then(() => 'loaded', (e) => ({ code: e.code, message: e.message, hint: e.hint }))
    console.log(JSON.stringify(await (async () => { ${code} })()))`
  const args = ['--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: project.folder, env: cleanEnvironment() })
  return JSON.parse(stdout)
}

describe.each(['module', 'commonjs', undefined] as const)('in a package of type %s', (type) => {
  it('imports TypeScript that imports TypeScript, with and without the extension', async () => {
    using project = aProject(
      {
        'a.ts':
          "import { b } from './b.ts'\nimport { c } from './lib/c'\nexport const sum: number = b + c\nexport default sum",
        'b.ts': 'export const b = 1 as number',
        'lib/c.ts': 'interface C { n: number }\nconst { n }: C = { n: 2 }\nexport { n as c }',
      },
      { type },
    )
    expect(await inNode(project, "const a = await load('a.ts'); return [a.sum, a.default]")).toEqual([3, 3])
  })

  it('gives a module that imports twq the very copy that runs', async () => {
    using project = aProject({ 'a.ts': "export { TwqError as Theirs } from 'twq'" }, { type })
    expect(await inNode(project, "return (await load('a.ts')).Theirs === TwqError")).toBe(true)
  })

  it('names the file, the line and what is wrong with its syntax', async () => {
    using project = aProject({ 'a.ts': 'const a = 1\nexport const b: = 2\n' }, { type })
    expect(await inNode(project, "return attempt('a.ts')")).toEqual({
      code: 'TWQ_TASKS',
      message: expect.stringMatching(/^could not load a\.ts: .*a\.ts:2:16: ERROR: Unexpected "="$/),
    })
  })

  it('says where a module failed while it was loaded', async () => {
    using project = aProject({ 'a.ts': 'type T = {\n  n: number }\nconst t: T = undefined as never\nt.n' }, { type })
    expect(await inNode(project, "return attempt('a.ts')")).toMatchObject({
      code: 'TWQ_TASKS',
      message: expect.stringMatching(/^could not load a\.ts: TypeError: Cannot read .* \(at a\.ts:4:\d+\)$/),
    })
  })

  it('names a package that is not installed', async () => {
    using project = aProject({ 'a.ts': "import 'no-such-package'" }, { type })
    expect(await inNode(project, "return attempt('a.ts')")).toMatchObject({
      message: expect.stringContaining("'no-such-package'"),
      hint: expect.stringMatching(/^Check the path it imports, or install the package it names\./),
    })
  })

  it('loads .mts as a module and .cts as CommonJS', async () => {
    using project = aProject(
      {
        'a.mts': 'export const here: string = import.meta.url',
        'b.cts': "import path = require('node:path')\nexport const name: string = path.basename(__filename)",
      },
      { type },
    )
    const code = "return [(await load('a.mts')).here, (await load('b.cts')).name]"
    expect(await inNode(project, code)).toEqual([expect.stringMatching(/^file:.*a\.mts/), 'b.cts'])
  })
})

it('does not load tsx for JavaScript', async () => {
  using project = aProject({ 'a.js': 'export const a = 1', 'b.ts': 'export const b = 1' })
  const hooked = "'.tsx' in (await import('node:module')).createRequire(import.meta.url).extensions"
  expect(await inNode(project, `await load('a.js'); return ${hooked}`)).toBe(false)
  expect(await inNode(project, `await load('b.ts'); return ${hooked}`)).toBe(true)
})
