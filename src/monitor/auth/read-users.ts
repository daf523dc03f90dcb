import { TwqError } from '../../errors.ts'
import type { Right } from '../answers/session.ts'
import type { User } from './sessions.ts'
import { RIGHTS } from './visitor.ts'

const SHORTEST_SECRET = 12

/**
 * Parses the users who may log in: one per line, `name secret rights`, such as `ada correct-horse-battery view,retry`. Without
 * rights it is `view`. Lines that start with `#` are ignored. Throws `TWQ_CONFIG`, which never shows a secret.
 */
export function readUsers(text: string, file: string): readonly User[] {
  const problems: string[] = []
  const users = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const [name = '', secret = '', rights = 'view', ...more] = line.trim().split(/\s+/)
    const chosen = rights.split(',')
    const unknown = chosen.filter((right) => !(RIGHTS as readonly string[]).includes(right))
    const problem =
      more.length > 0 || secret === ''
        ? 'must be a name, a secret, and rights with commas between them'
        : secret.length < SHORTEST_SECRET
          ? `has a secret of less than ${SHORTEST_SECRET} characters`
          : unknown.length > 0
            ? `has rights other than ${RIGHTS.join(', ')}`
            : undefined
    if (problem !== undefined) problems.push(`${file}: line ${index + 1} ${problem}`)
    return { name, secret, rights: chosen as Right[] }
  })
  if (users.length === 0) problems.push(`${file}: nobody is named in it`)
  if (new Set(users.map(({ name }) => name)).size < users.length) problems.push(`${file}: a name stands there twice`)
  if (problems.length === 0) return users
  throw new TwqError('TWQ_CONFIG', problems.join('\n'), {
    hint: 'A line each, as: ada correct-horse-battery view,retry,edit,schedule',
  })
}
