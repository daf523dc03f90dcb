import { randomUUID } from 'node:crypto'
import { runPython, type Scene, startWorker } from './scene.ts'

/** How a call ended for Python: with a value, or with an exception of this class. */
export type PythonOutcome =
  | { readonly value: unknown }
  | { readonly raised: string; readonly module: string; readonly args: readonly unknown[] }

/** What python/call.py prints. */
export interface CallsReport {
  /** `send_task('send_welcome_email', args=[42]).get()` */
  readonly welcome: PythonOutcome
  /** A task that throws a ValueError. */
  readonly failure: PythonOutcome
  /** `add` called with three arguments. */
  readonly surplus: PythonOutcome
  /** Each state of `process.delay(steps)` that came, with its meta. */
  readonly states: readonly (readonly [state: string, meta: unknown])[]
}

/** Python calls the example tasks and reads their results. */
export async function callFromPython(scene: Scene, { steps }: { steps: number }): Promise<CallsReport> {
  const queue = `calls-${randomUUID()}`
  await using _worker = await startWorker(scene, { queue })
  return JSON.parse(await runPython(scene, 'call.py', scene.url, queue, String(steps))) as CallsReport
}
