import { createHmac, randomBytes } from 'node:crypto'
import { type Access, rightsOf, type Visitor } from './visitor.ts'

/** Says who asks; undefined for someone who may not. */
export type Authorize = (request: Request) => Visitor | undefined | Promise<Visitor | undefined>

/** Visitors that a function knows: that of a program around the monitor, or everybody where that was asked for. */
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
