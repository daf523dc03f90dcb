import { TwqError } from '../../errors.ts'

/** The default for the part before the `@`. */
const DEFAULT_NAME = 'twq'

/** The longest node name, in bytes: with the suffix `.celery.pidbox` it must fit a queue name. */
const MAX_BYTES = 200
const MOST_SHOWN = 60

/**
 * A worker's node name from its configured form (wire specification 8): `%h` is the host name, `%n` its first label, `%d` its
 * domain, `%%` a percent sign. As in Celery, a name without `@` is the host part. Throws `TWQ_CONFIG`.
 */
export function expandNodeName(pattern: string | undefined, hostname: string): string {
  const expanded = expand(pattern ?? '', hostname)
  const at = expanded.indexOf('@')
  const name = at === -1 ? '' : expanded.slice(0, at)
  const host = expanded.slice(at + 1)
  const nodeName = `${name || DEFAULT_NAME}@${host || hostname}`
  if (Buffer.byteLength(nodeName) > MAX_BYTES) {
    const [shown, bytes] = [nodeName.slice(0, MOST_SHOWN), Buffer.byteLength(nodeName)]
    throw new TwqError('TWQ_CONFIG', `the node name ${shown}… has ${bytes} bytes, and ${MAX_BYTES} are allowed`, {
      hint: 'its mailbox is a queue called <node name>.celery.pidbox, and RabbitMQ takes names of 255 bytes',
    })
  }
  return nodeName
}

function expand(pattern: string, hostname: string): string {
  const [label = hostname, ...domain] = hostname.split('.')
  const values: ReadonlyMap<string, string> = new Map([
    ['h', hostname],
    ['n', label],
    ['d', domain.join('.')],
    ['%', '%'],
  ])
  return pattern.replace(/%(.?)/gsu, (code, letter: string) => {
    const value = values.get(letter)
    if (value !== undefined) return value
    throw new TwqError('TWQ_CONFIG', `the node name ${pattern} holds ${code}, which stands for nothing`, {
      hint: 'use %h (host name), %n (its first label), %d (its domain) or %% (a percent sign)',
    })
  })
}
