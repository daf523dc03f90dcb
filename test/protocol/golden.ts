import { readFileSync } from 'node:fs'
import { parseJson } from '../../src/protocol/json.ts'
import type { Headers, Properties, WireMessage } from '../../src/protocol/wire.ts'

/** A message captured between real Celery processes; see test/golden. */
export interface Captured {
  readonly case: string
  readonly properties: Properties
  readonly headers: Headers
  readonly body?: string
  readonly bodyBase64?: string
  readonly kind?: 'request' | 'reply'
  readonly exchange?: string
  readonly routingKey?: string
}

/** The captured messages of one theme, by file name. */
export function golden(file: string): readonly Captured[] {
  return goldenJson(file) as readonly Captured[]
}

/** Any golden file. Python's JSON, so it may hold NaN and integers of any size. */
export function goldenJson(file: string): unknown {
  return parseJson(readFileSync(new URL(`../golden/${file}`, import.meta.url)))
}

/** A captured message as the broker layer hands it over. */
export function wireOf({ properties, headers, body, bodyBase64 }: Captured): WireMessage {
  return { properties, headers, body: Buffer.from(body ?? bodyBase64 ?? '', body === undefined ? 'base64' : 'utf8') }
}
