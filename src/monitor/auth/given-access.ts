import { createHmac, randomBytes } from 'node:crypto'
import { type Access, rightsOf, type Visitor } from './visitor.ts'

/** Returns the visitor; undefined for one without access. */
export type Authorize = (request: Request) => Visitor | undefined | Promise<Visitor | undefined>

/** Visitors identified by a function: that of a program that embeds the monitor, or one that admits everybody. */
export function givenAccess(authorize: Authorize, allowControl: boolean): Access {
  const key = randomBytes(32)
  return {
    login: undefined,
    async visitorOf(request) {
      const visitor = await authorize(request)
      if (visitor === undefined || visitor === null || typeof visitor.name !== 'string') return undefined
      const csrf = createHmac('sha256', key).update(visitor.name).digest('base64url')
      return { name: visitor.name, rights: rightsOf(visitor.rights, allowControl), csrf, bearer: false }
    },
  }
}
