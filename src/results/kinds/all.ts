import { TwqError } from '../../errors.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import type { BuiltInDefinition, ResultBackendDefinition, ResultBackendKind } from '../definition.ts'
import { none } from './none.ts'
import { redis } from './redis.ts'
import { rpc } from './rpc.ts'

/** Every kind of result backend that a text in `resultBackend` may name. */
export const resultBackendKinds: readonly ResultBackendKind[] = [rpc, none, redis]

/** The allowed forms of `resultBackend` texts, for commands that check a configuration without opening its backend. */
export const knownResultBackends = {
  expected: resultBackendKinds
    .map(({ form }) => form)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1'),
  accepts: (text: string): boolean => kindOf(text) !== undefined,
}

/** The backend that a setting names or is. Throws `TWQ_CONFIG`, without passwords, for an unusable text. */
export function resultBackendOf(setting: string | ResultBackendDefinition): BuiltInDefinition {
  if (isDefinition(setting)) return setting
  const kind = typeof setting === 'string' ? kindOf(setting) : undefined
  if (kind !== undefined) return kind.define(setting)
  const got = typeof setting === 'string' ? JSON.stringify(redactUrl(setting)) : typeof setting
  throw new TwqError('TWQ_CONFIG', `resultBackend must be ${knownResultBackends.expected}, got ${got}`)
}

function kindOf(text: string): ResultBackendKind | undefined {
  return resultBackendKinds.find((kind) => kind.matches(text))
}

function isDefinition(setting: unknown): setting is ResultBackendDefinition {
  return typeof setting === 'object' && setting !== null && 'openBackend' in setting
}
