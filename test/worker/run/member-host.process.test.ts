import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { MemberSetup } from '../../../src/worker/run/member-host.ts'
import { aProject, type Project } from '../../support/a-project.ts'
import { cleanEnvironment } from '../../support/run-twq.ts'

const module = fileURLToPath(new URL('../../../dist/worker/run/member-host.js', import.meta.url))

const FILES = {
  'worker.config.ts': `
    import { defineTask } from 'twq'
    const inline = defineTask({ name: 'inline', run: () => 1 })
    export default ({ command }: { command: string }) => ({ tasks: ['./not-loaded.ts', ...(command === 'worker start' ? [inline] : [])] })`,
  'tasks/a.ts': "import { defineTask } from 'twq'\nexport const a = defineTask({ name: 'a', run: () => 1 })",
}

/** The tasks that a member finds, in a process of its own as members are. */
async function namesIn(project: Project, over: Partial<MemberSetup>): Promise<unknown> {
  const file = join(project.folder, 'worker.config.ts')
  const setup = {
    file,
    baseDir: project.folder,
    modules: ['./tasks/*.ts'],
    takeTasks: false,
    takePlugins: false,
    plugins: {
      host: { role: 'member', node: 'twq@test', pool: 'processes' },
      startTimeout: 30_000,
      stopTimeout: 1_000,
      publishTimeout: 10_000,
    },
    ...over,
  }
  const script = `
    import { openHost } from '${module}'
    const logger = { child: () => logger }
    const { tasks } = await openHost(${JSON.stringify(setup)}, { logger })
    console.log(JSON.stringify(tasks.names()))`
  const args = ['--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: project.folder, env: cleanEnvironment() })
  return JSON.parse(stdout)
}

it('loads the task modules that the worker loaded', async () => {
  using project = aProject(FILES)
  expect(await namesIn(project, {})).toEqual(['a'])
  expect(await namesIn(project, { file: undefined })).toEqual(['a'])
})

it('takes tasks themselves from the configuration file', async () => {
  using project = aProject(FILES)
  expect(await namesIn(project, { takeTasks: true })).toEqual(['a', 'inline'])
})
