import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startDevBroker } from '../../src/devbroker/server.ts'
import { aProject } from '../support/a-project.ts'
import { runTwq } from '../support/run-twq.ts'
import { tempFolder } from '../support/temp-folder.ts'

const ROOT = new URL('../..', import.meta.url).href
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  dependencies: Record<string, string>
}
const CONFIG = `import { defineConfig } from 'twq'\n\nexport default defineConfig({ tasks: ['./tasks/*.ts'] })\n`

it('shows its version and the list of commands without the code or the flags of any', async () => {
  for (const flag of ['--version', '--help']) {
    const { packages, files } = await loadedBy([flag])
    expect(packages).toEqual(['commander'])
    expect(files).toEqual([
      'cli/families',
      'cli/flags/commander',
      'cli/flags/config-flags',
      'cli/main',
      'cli/program',
      'cli/terminal/errors-for-people',
      'cli/terminal/exit-codes',
      'cli/terminal/help-layout',
      'cli/terminal/terminal-width',
      'config/options/connections',
      'config/options/option',
      'config/options/parsers',
      'errors',
      'runtime/default-broker',
      'runtime/own-package',
      'runtime/text/any-of',
      'runtime/text/describe-error',
      'runtime/text/mask-passwords',
      'runtime/text/printable',
      'runtime/time/duration',
    ])
  }
})

it('asks a worker how it is without configuration, tasks or broker', async () => {
  using project = aProject({ 'worker.config.ts': CONFIG })
  const { status, packages, files } = await loadedBy(
    ['worker', 'health', '--ready', '--node', 'nobody@nowhere'],
    project.folder,
  )
  expect(status).toBe(69)
  expect(packages).toEqual(['commander'])
  expect(
    files.filter((file) =>
      /^(broker|client|queues|sending|tasks(?!\/plugin-problems$)|worker)\/|^cli\/flags\/load-config|^config\/(find|resolve)/.test(
        file,
      ),
    ),
  ).toEqual([])
  expect(files.filter((file) => /^cli\/\w+\/command$/.test(file))).toEqual(['cli/remote/command', 'cli/worker/command'])
})

it('asks the workers of a broker with what speaks to it, and no more', async () => {
  using project = aProject({ 'worker.config.ts': CONFIG })
  const broker = await startDevBroker()
  const { status, packages, files } = await loadedBy(['inspect', 'ping', '--broker', broker.url], project.folder)
  await broker[Symbol.asyncDispose]()
  expect(status).toBe(69)
  expect(packages).toEqual(['amqplib', 'commander'])
  expect(
    files.filter((file) =>
      /^(canvas|events|index|metrics|pool\/(?!kinds\/)|queues|results|tasks(?!\/plugin-problems$)|worker)\b/.test(file),
    ),
  ).toEqual([])
  expect(files.filter((file) => /^(client|sending)\//.test(file))).toEqual([
    'sending/broadcast',
    'sending/gathered-replies',
  ])
})

it('starts a worker whose configuration is JavaScript with what connects it, and nothing of schedules and failures', async () => {
  const broker = await startDevBroker()
  using project = aProject({
    'worker.config.js': "export default { tasks: ['./tasks/*.js'] }",
    'tasks/add.js': "import { defineTask } from 'twq'\n\nexport const add = defineTask({ name: 'add', run: () => 3 })",
  })
  const { status, packages, files } = await loadedBy(
    ['worker', 'start', '--once', '--broker', broker.url],
    project.folder,
  )
  await broker[Symbol.asyncDispose]()
  expect(status).toBe(0)
  expect(packages.filter((name) => name in dependencies)).toEqual(['amqplib', 'commander', 'pino'])
  expect(files).toContain('worker/create-worker')
  expect(files.filter((file) => /^(schedules\/(leader\/|service$)|queues\/failed)/.test(file))).toEqual([])
})

it('takes what is built into Node without an import, for which Node would make a module of all of it', () => {
  const dist = new URL('dist/', ROOT)
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  const code = names
    .filter((name) => name.endsWith('.js') && !name.startsWith('monitor/page/'))
    .map((name) => readFileSync(new URL(name, dist), 'utf8'))
  expect(code.some((text) => text.includes('getBuiltinModule("node:fs")'))).toBe(true)
  expect(code.flatMap((text) => text.match(/^(?:import|export) .*"node:.*$/gm) ?? [])).toEqual([])
})

/**
 * Runs a command, and tells which packages and which of our own modules it loaded: Node's coverage has the files, and the
 * map of each file the modules that are in it.
 */
async function loadedBy(args: readonly string[], cwd?: string) {
  const coverage = tempFolder()
  const { status } = await runTwq(args, { env: { NODE_V8_COVERAGE: coverage }, ...(cwd !== undefined && { cwd }) })
  const urls = readdirSync(coverage).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: { url: string }[] }
    return result.map(({ url }) => url)
  })
  const packages = urls.flatMap((url) => /^file:.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
  const files = urls
    .filter((url) => url.startsWith(`${ROOT}dist/`))
    .flatMap((url) => {
      // A file that only passes on what others export has none.
      if (!existsSync(new URL(`${url}.map`))) return []
      const { sources } = JSON.parse(readFileSync(new URL(`${url}.map`), 'utf8')) as { sources: string[] }
      return sources.map((source) => new URL(source, url).href.slice(`${ROOT}src/`.length, -'.ts'.length))
    })
  return { status, packages: [...new Set(packages)].sort(), files: [...new Set(files)].sort() }
}
