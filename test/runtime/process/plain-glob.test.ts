import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { glob } from 'tinyglobby'
import { expect, it } from 'vitest'
import { filesOfPlainGlob } from '../../../src/runtime/process/plain-glob.ts'
import { aProject } from '../../support/a-project.ts'

const FILES = [
  ...['a.ts', 'b.js', 'c.test.ts', 'types.d.ts', 'types.d.mts', 'd.mts', '.hidden.ts', '.ts', 'README', 'ts', 'e.TS'],
  ...['a b.ts', 'ä.ts', '[x].ts', '(y).ts'],
]

it('matches what a glob of the same form matches', async () => {
  using project = aProject(
    Object.fromEntries([
      ...FILES.map((name) => [`tasks/${name}`, '']),
      ['tasks/deep/f.ts', ''],
      ['root.ts', ''],
      ['my-tasks/v1.0/g.ts', ''],
    ]),
  )
  const { folder } = project
  mkdirSync(join(folder, 'tasks/folder.ts'))
  symlinkSync('a.ts', join(folder, 'tasks/link.ts'))
  symlinkSync('nowhere.ts', join(folder, 'tasks/broken.ts'))
  symlinkSync('deep', join(folder, 'tasks/linked-folder.ts'))
  const patterns = [
    ...['./tasks/*.ts', 'tasks/*.ts', 'tasks/*', './tasks/*.js', './*.ts', '*.ts', './tasks//*.ts', 'tasks/*.test.ts'],
    ...['tasks/../tasks/*.ts', 'my-tasks/v1.0/*.ts', 'missing/*.ts', `${folder}/tasks/*.ts`],
  ]
  for (const [pattern, baseDir] of [
    ...patterns.map((pattern) => [pattern, folder] as const),
    ['../tasks/*.js', join(folder, 'my-tasks')] as const,
  ]) {
    const matched = await glob(pattern, {
      cwd: baseDir,
      absolute: true,
      ignore: ['**/node_modules/**', '**/*.d.{ts,mts,cts}'],
      expandDirectories: false,
    })
    expect(filesOfPlainGlob(pattern, baseDir)?.sort(), pattern).toEqual(matched.sort())
  }
})

it.each([
  'tasks/**/*.ts',
  'tasks/*.{ts,js}',
  'tasks/a*.ts',
  'tasks/[ab].ts',
  '!tasks/*.ts',
  'tasks/a.ts',
  't*/a.ts',
  'tasks/*.+(ts)',
])('leaves %s to what reads all globs', (pattern) => {
  expect(filesOfPlainGlob(pattern, '/')).toBeUndefined()
})

it('leaves node_modules to it as well', () => {
  expect(filesOfPlainGlob('./node_modules/pack/*.js', '/')).toBeUndefined()
})
