import { relative } from 'node:path'
import { styleText } from 'node:util'
import { packageVersion } from '../../runtime/own-package.ts'
import { printable } from '../../runtime/text/printable.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import type { TaskReport, WorkerReady } from '../worker/parent-link.ts'
import type { FoundBroker } from './find-broker.ts'
import { howToSend, shownUrl } from './how-to-send.ts'
import { logLine, setAsideLine } from './log-line.ts'
import { type Tone, taskLine } from './task-line.ts'

/** One line of news, with the time. */
export function say(text: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}

/** One line for an attempt that ended. */
export function showTask(report: TaskReport): void {
  say(taskLine(report, { mark: inColour }))
}

/** Passes on what a worker wrote, each stream to its own; what is told otherwise is left out. */
export function showOutput(text: string, stream: 'stdout' | 'stderr'): void {
  const aside = stream === 'stderr' ? setAsideLine(text) : undefined
  if (aside !== undefined) {
    say(`${inColour(aside, 'bad')}${process.stdin.isTTY ? '  (d shows it)' : '  (npx twq quarantine list)'}`)
    return
  }
  const line = stream === 'stdout' ? text : logLine(text)
  if (line !== undefined) process[stream].write(`${line}\n`)
}

/** Prints the setup, and how to send a task to it. */
export function introduce(facts: WorkerReady, broker: FoundBroker, folder: string): void {
  const { file } = facts
  const lines = [
    `twq dev ${packageVersion()}`,
    `  broker   ${shownUrl(broker.url)}${broker.embedded === undefined ? '' : ' (built in: not for production)'}`,
    ...(broker.remark === undefined ? [] : [`           ${printable(broker.remark)}`]),
    ...(broker.embedded === undefined ? [] : [`           as ${printable(redactUrl(broker.embedded))}`]),
    `  config   ${file === undefined ? 'none: a sample runs until there is a worker.config.ts' : relative(process.cwd(), file)}`,
    `  watches  ${relative(process.cwd(), folder) || '.'}`,
    '',
    howToSend({ url: broker.url, found: broker.found, ...facts }),
    '',
  ]
  process.stdout.write(lines.join('\n'))
}

const COLOURS = { good: 'green', bad: 'red', other: 'yellow' } as const

function inColour(text: string, tone: Tone): string {
  return styleText(COLOURS[tone], text, { stream: process.stdout })
}
