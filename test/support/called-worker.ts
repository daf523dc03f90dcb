import type { Project } from './a-project.ts'
import { PythonCaller } from './python-caller.ts'
import { brokerUrl, uniqueName } from './services.ts'
import { startTwqWorker, type TwqWorker } from './twq-worker.ts'

/** A worker in a process of its own, on a queue of its own, and a Python that calls it. */
export interface CalledWorker extends AsyncDisposable {
  readonly worker: TwqWorker
  readonly python: PythonCaller
  readonly queue: string
}

/** Starts the worker of a project with these flags, and resolves when both are ready. */
export async function calledWorker(project: Project, ...flags: readonly string[]): Promise<CalledWorker> {
  const queue = uniqueName('called')
  const [worker, python] = await Promise.all([
    startTwqWorker({ project: project.folder, broker: brokerUrl(), args: ['--queues', queue, ...flags] }),
    PythonCaller.start({ broker: brokerUrl(), queue }),
  ])
  return {
    worker,
    python,
    queue,
    async [Symbol.asyncDispose]() {
      await python[Symbol.asyncDispose]()
      await worker[Symbol.asyncDispose]()
    },
  }
}
