import { relative } from 'node:path'
import { createLogger } from '../../runtime/log/logger.ts'
import { onStopSignals } from '../../runtime/process/process-signals.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { EXIT, exitCodeOfSignal } from '../terminal/exit-codes.ts'
import { showDeadLetters } from './dead-letters.ts'
import { DevWorker } from './dev-worker.ts'
import { findBroker } from './find-broker.ts'
import { hearKeys, type Key, keyHelp } from './keys.ts'
import { ModuleGraph } from './module-graph.ts'
import { Reloads } from './reloads.ts'
import { Resender } from './resender.ts'
import { introduce, say, showOutput, showTask } from './screen.ts'
import { watchSources } from './watch-sources.ts'
import { workerArguments } from './worker-arguments.ts'

// A change to one file is often several writes, and to a branch several files.
const DEBOUNCE = 100
// The time that a worker may take beyond `shutdown.grace` and `shutdown.abort`.
const CLOSING_TIME = 5_000

/** `twq dev`: a broker, a worker that follows its sources, and a line for each task; until a signal or `q` ends it. */
export async function dev(flags: GlobalOptions): Promise<number> {
  const startedAt = performance.now()
  const loaded = await loadConfig('dev', flags)
  const { baseDir, shutdown } = loaded.config
  const logger = createLogger({ level: 'warn', format: 'pretty' })
  await using broker = await findBroker(loaded, logger)
  await using resender = new Resender(broker.url)

  let queue = loaded.config.defaultQueue
  // Undefined while a worker starts and after a failed start: then any changed file triggers a reload.
  let graph: ModuleGraph | undefined
  const hearer = {
    line: showOutput,
    task(report) {
      resender.last = report
      showTask(report)
    },
    imported: (file) => graph?.add(file),
  } satisfies ConstructorParameters<typeof DevWorker>[1]
  const reloads = new Reloads((number) => new DevWorker(workerArguments(flags, broker.url, number), hearer), {
    ready(facts, first) {
      resender.tasks = facts.tasks
      queue = facts.queue
      graph = new ModuleGraph({ cwd: process.cwd(), config: facts.file, ...facts.sources })
      if (first) introduce(facts, broker, baseDir)
      const took = first ? ` in ${Math.round(performance.now() - startedAt)} ms` : ''
      const hint = process.stdin.isTTY ? '  (h for help)' : ''
      say(`ready${took}: ${facts.tasks.map(({ name }) => name).join(', ')}${hint}`)
    },
    failed(how, served) {
      say(`the worker could not start (${how}); ${served ? 'the earlier one goes on' : 'waiting for a change'}`)
    },
    lost(how) {
      graph = undefined
      say(`the worker ended (${how}); waiting for a change`)
    },
  })
  const reload = (why: string): void => {
    say(why)
    graph = undefined
    void reloads.next()
  }

  const status = deferred<number>()
  let exit: number = EXIT.ok
  using _signals = onStopSignals(
    (request, signal) => {
      exit = { warm: EXIT.ok, cold: EXIT.failed, now: exitCodeOfSignal(signal) }[request]
      void reloads.stop(request).then(() => status.resolve(exit))
      const patience = shutdown.grace + shutdown.abort + CLOSING_TIME
      setTimeout(() => void reloads.stop('now'), patience).unref()
    },
    { logger },
  )
  using _sources = watchSources(baseDir, {
    debounce: DEBOUNCE,
    isLoaded: (path) => graph?.has(path) === true,
    async onChange(changed) {
      const before = graph
      const files = before === undefined ? changed : await before.concerned(changed)
      if (files.length > 0) reload(`changed: ${files.map((file) => relative(baseDir, file)).join(', ')}`)
    },
    onTrouble: (reason) => logger.warn({ reason }, "a folder can't be watched: reload by hand"),
  })
  const keys: Record<string, Key> = {
    h: { does: 'this help', press: () => process.stdout.write(keyHelp(keys)) },
    r: { does: 'reload', press: () => reload('reloading') },
    s: { does: 'send the last task again', press: () => void resender.send().then(say) },
    d: {
      does: 'show the dead letters: what was set aside, in quarantine',
      press: () => void showDeadLetters(queue, broker.url, flags),
    },
    q: { does: 'quit, as Ctrl-C', press: () => void process.kill(process.pid, 'SIGINT') },
  }
  using _keys = process.stdin.isTTY ? hearKeys(process.stdin, keys) : undefined
  void reloads.next()
  return await status.promise
}
