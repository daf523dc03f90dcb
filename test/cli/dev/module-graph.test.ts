import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ModuleGraph } from '../../../src/cli/dev/module-graph.ts'
import { aProject } from '../../support/a-project.ts'

const FILES = {
  'worker.config.ts': '',
  'tasks/one.ts': `import '../lib/used.ts'; const later = () => import('../lib/lazy.js')`,
  'tasks/two.ts': '',
  'tasks/note.md': '',
  'lib/used.ts': `const render = new Worker(new URL('./thread.ts', import.meta.url)); import type { T } from './types.ts'`,
  'lib/lazy.ts': `import { deep } from './deep'; import('./lazy.ts')`,
  'lib/deep/index.ts': '',
  'lib/thread.ts': '',
  'lib/types.ts': '',
  'lib/unused.ts': '',
  'scripts/package.json': '',
  'scripts/worker.config.ts': '',
  'scripts/seed.ts': '',
  'tasks/tsconfig.json': '',
}

it.each([
  { change: 'lib/used.ts', of: 'a module that was imported', matters: true },
  { change: 'worker.config.ts', of: 'the configuration', matters: true },
  { change: 'package.json', of: 'the settings of the project', matters: true },
  { change: 'tasks/tsconfig.json', of: 'the settings of a folder with modules', matters: true },
  { change: 'tasks/two.ts', of: 'a new task module', matters: true },
  { change: 'lib/lazy.ts', of: 'what a task imports when it runs', matters: true },
  { change: 'lib/deep/index.ts', of: 'what that imports', matters: true },
  { change: 'lib/thread.ts', of: 'the code of a thread', matters: true },
  { change: 'lib/later.ts', of: 'what a running task has imported', matters: true },
  { change: 'lib/types.ts', of: 'types, which are gone when it runs', matters: false },
  { change: 'lib/unused.ts', of: 'a module that nothing imports', matters: false },
  { change: 'scripts/seed.ts', of: 'a script', matters: false },
  { change: 'scripts/package.json', of: 'the settings of a script', matters: false },
  { change: 'scripts/worker.config.ts', of: 'the configuration of another worker', matters: false },
  { change: 'tasks/gone.ts', of: 'a module that is gone and was not imported', matters: false },
])('a change of $of asks for a new worker: $matters ($change)', async ({ change, matters }) => {
  using project = aProject(FILES)
  const { folder } = project
  const graph = new ModuleGraph({
    cwd: folder,
    baseDir: folder,
    config: join(folder, 'worker.config.ts'),
    files: [join(folder, 'tasks/one.ts'), join(folder, 'lib/used.ts')],
    tasks: ['./tasks/*.ts', './tasks/none-*.ts'],
  })
  graph.add(join(folder, 'lib/later.ts'))
  const changed = join(folder, change)
  expect(await graph.concerned([changed, join(folder, 'lib/unused.ts')])).toEqual(matters ? [changed] : [])
})
