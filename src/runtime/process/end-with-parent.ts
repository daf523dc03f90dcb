import { Worker } from 'node:worker_threads'

// Plain JavaScript: it is the whole program of a thread. An orphaned process has a new parent.
const WATCH = `
  const { workerData } = require('node:worker_threads')
  setInterval(() => {
    if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
  }, 1000)`

/**
 * Ends this forked process when its parent ends, also by SIGKILL: at once, or within two seconds if code blocks the event loop.
 * Nothing is cleaned up.
 */
export function endWithParent(): void {
  // The channel to the parent may have closed before the listener was added.
  if (!process.connected) end()
  process.once('disconnect', end)
  new Worker(WATCH, { eval: true, name: 'twq orphan watch', execArgv: [], workerData: process.ppid }).unref()
}

/**
 * Not by `process.exit`: it waits for the thread of Node's module hooks, which during an import may wait for this thread (Node
 * 20).
 */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}
