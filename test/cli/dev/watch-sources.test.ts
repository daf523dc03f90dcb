import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'
import { watchSources } from '../../../src/cli/dev/watch-sources.ts'
import { aProject } from '../../support/a-project.ts'
import { Journal } from '../../support/until.ts'

/** A watched project: what was reported, a burst at a time, and a way to write files. */
function aWatchedProject(files: Readonly<Record<string, string>>) {
  const project = aProject(files)
  const changes = new Journal<readonly string[]>()
  const troubles: string[] = []
  const watcher = watchSources(project.folder, {
    debounce: 100,
    onChange: (changed) => changes.push(changed.map((path) => relative(project.folder, path))),
    onTrouble: (reason) => troubles.push(reason),
  })
  return {
    changes,
    troubles,
    folder: project.folder,
    write(path: string) {
      mkdirSync(dirname(join(project.folder, path)), { recursive: true })
      writeFileSync(join(project.folder, path), `// ${Math.random()}`)
    },
    [Symbol.dispose]() {
      watcher[Symbol.dispose]()
      project[Symbol.dispose]()
    },
  }
}

it('reports a burst of changes once', async () => {
  using project = aWatchedProject({ 'a.ts': '', 'lib/deep/b.ts': '' })
  project.write('lib/deep/b.ts')
  project.write('a.ts')
  project.write('a.ts')
  expect(await project.changes.until(() => true)).toEqual(['a.ts', 'lib/deep/b.ts'])
  expect(project.changes.entries).toHaveLength(1)
  expect(project.troubles).toEqual([])
})

it('follows folders that are made, removed and made again', async () => {
  using project = aWatchedProject({})
  for (let round = 0; round < 2; round++) {
    const from = project.changes.entries.length
    project.write('tasks/a.ts')
    expect(await project.changes.until(() => true, { from })).toEqual(['tasks/a.ts'])
    project.write('tasks/b.ts')
    expect(await project.changes.until(() => true, { from: from + 1 })).toEqual(['tasks/b.ts'])
    rmSync(join(project.folder, 'tasks'), { recursive: true })
    expect(await project.changes.until(() => true, { from: from + 2 })).toEqual(['tasks/a.ts', 'tasks/b.ts'])
  }
})

it('heeds neither packages, nor hidden folders, nor what is no source', async () => {
  using project = aWatchedProject({ 'node_modules/other/a.ts': '', '.git/a.ts': '', 'spool/1.txt': '' })
  for (const path of ['node_modules/other/a.ts', '.git/a.ts', 'spool/1.txt', 'data.json']) project.write(path)
  project.write('worker.config.yaml')
  expect(await project.changes.until(() => true)).toEqual(['worker.config.yaml'])
})
