import { TestRunner } from 'vitest'
import { whyNoCelery } from './provision/python.ts'
import { celeryRelease } from './services.ts'

type Task = Parameters<TestRunner['onAfterRunTask']>[0]
type File = Parameters<TestRunner['onCollectStart']>[0]

/** Runs the files of a project whose release of Celery can be had; where it can't, all their tests are skipped. */
export default class CeleryRunner extends TestRunner {
  onBeforeRunFiles(files: readonly File[]): void {
    if (whyNoCelery(celeryRelease()) === undefined) return
    for (const file of files) skip(file)
  }
}

function skip(task: Task): void {
  task.mode = 'skip'
  if ('tasks' in task) for (const child of task.tasks) skip(child)
}
