import { createHash } from 'node:crypto'

// The namespace of our ids, as UUIDv5 wants one.
const NAMESPACE = Buffer.from('5b0f4c0e6d3a4f7e9a51c2d1e8b7a630', 'hex')

/**
 * The id of the task that an entry sends at one of its due times: a UUIDv5 of namespace, name and nominal due time, so that any leader that
 * sends it again sends it under the same id.
 */
export function occurrenceId(namespace: string, name: string, due: number): string {
  const bytes = hash(Buffer.from([namespace, name, new Date(due).toISOString()].join('\0'))).subarray(0, 16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** How long after its nominal time an occurrence is sent: from 0 to less than `jitter` milliseconds, the same wherever it is counted. */
export function jitterOf(id: string, jitter: number): number {
  if (jitter <= 0) return 0
  return Math.floor((hash(Buffer.from(id)).readUIntBE(0, 6) / 2 ** 48) * jitter)
}

function hash(text: Buffer): Buffer {
  return createHash('sha1').update(NAMESPACE).update(text).digest()
}
