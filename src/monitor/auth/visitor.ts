import type { Right } from '../answers/session.ts'

/** Every right. */
export const RIGHTS: readonly Right[] = ['view', 'retry', 'edit', 'schedule']

/** Who asks, and what they may do. */
export interface Visitor {
  /** For the audit. */
  readonly name: string
  /** Left out: `view`. */
  readonly rights?: readonly Right[]
}

/** How visitors are known. */
export interface Access {
  /** Who asks; undefined for someone who has to log in first, or may not come at all. */
  visitorOf(request: Request): Promise<KnownVisitor | undefined> | KnownVisitor | undefined
  /** Logs in and out, where that is done here; undefined where a program around the monitor knows its users. */
  readonly login: Login | undefined
}

/** A visitor, and the token that their pages send with each change. */
export interface KnownVisitor {
  readonly name: string
  readonly rights: ReadonlySet<Right>
  readonly csrf: string
  /** Told by a header that no other site can have a browser send: needs no token. */
  readonly bearer: boolean
}

/** A login by name and password, or by a token. */
export interface Login {
  /** The value of the session cookie; undefined where name and secret do not belong together; 'later' where there were too many tries. */
  enter(name: string, secret: string): Promise<string | undefined | 'later'>
  /** Ends the session of a request. */
  leave(request: Request): void
}

/** The rights of a visitor: none but to look unless changes are allowed at all. */
export function rightsOf(rights: readonly Right[] = ['view'], allowControl: boolean): ReadonlySet<Right> {
  return new Set(rights.filter((right) => RIGHTS.includes(right) && (allowControl || right === 'view')))
}
