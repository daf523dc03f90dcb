import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { pollUntil } from './until.ts'

/** A worker's answer to a probe. */
export interface ProbeAnswer {
  readonly status: number
  readonly body: string
  /** The checks that failed. */
  readonly failing: readonly string[]
}

/** Asks a worker that listens on this port of this machine. */
export async function probe(port: number, path: string): Promise<ProbeAnswer> {
  const asked = request({ host: '127.0.0.1', port, path, agent: false })
  asked.end()
  const [response] = await once(asked, 'response')
  const body = await text(response)
  const { failing = [] } = response.headers['content-type'] === 'application/json' ? JSON.parse(body) : {}
  return { status: response.statusCode, body, failing: failing.map(({ check }: { check: string }) => check) }
}

/** Asks as an orchestrator does, again and again, until the answer is this one. */
export async function probeUntil(port: number, path: string, status: number): Promise<ProbeAnswer> {
  return await pollUntil(
    path,
    () => probe(port, path),
    (answer) => answer.status === status,
    { every: 10 },
  )
}
