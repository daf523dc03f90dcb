import { createInstruments } from '../../src/metrics/instruments.ts'
import { logEvents } from '../../src/runtime/log/events.ts'
import { markdownTable } from './markdown-table.ts'

/** The events of the log as docs/log-events.md shows them. */
export function logEventsMarkdown(): string {
  const rows = Object.entries(logEvents).map(([event, { level, meaning }]) => [`\`${event}\``, level, meaning])
  return markdownTable(['event', 'level', 'meaning'], rows)
}

/** The worker's own metrics as docs/metrics.md shows them: what Prometheus is told once each has a sample. */
export async function metricsMarkdown(): Promise<string> {
  const instruments = await createInstruments({
    version: '1.0.0',
    tasks: ['add'],
    active: () => 0,
    reserved: () => 0,
    held: () => 0,
    prefetch: () => 0,
    slots: () => 0,
    busy: () => 0,
    depths: async () => ({
      queues: new Map([['celery', 0]]),
      quarantines: new Map([['celery', 0]]),
      failures: new Map([['celery', 0]]),
    }),
    connected: () => true,
    ready: () => true,
    loopLag: () => 0,
  })
  instruments.ended('add', 'succeeded', 1)
  instruments.waited('add', 'sent', 1)
  instruments.quarantined('add')
  instruments.kept('add')
  instruments.scheduled('nightly', 1, 1)
  const { text } = await instruments.read()
  const rows = [...text.matchAll(/^# HELP (twq_\w+) (.*)\n# TYPE \S+ (\w+)\n(\S+)/gm)].map(
    ([, name = '', help = '', type = '', sample = '']) => [
      `\`${name}\``,
      type,
      labelsOf(sample).join(', '),
      help.replaceAll('<', '\\<'),
    ],
  )
  return markdownTable(['metric', 'type', 'labels', 'what it is'], rows)
}

/** The labels of a sample, without the one that a histogram adds. */
function labelsOf(sample: string): string[] {
  const names = sample.match(/(?<=[{,])\w+(?==)/g) ?? []
  return names.filter((name) => name !== 'le').map((name) => `\`${name}\``)
}
