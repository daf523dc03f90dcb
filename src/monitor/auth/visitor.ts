import type { Right } from '../answers/session.ts'

/** Every right. */
export const RIGHTS: readonly Right[] = ['view', 'retry', 'edit', 'schedule']

/** A visitor, and their rights. */
export interface Visitor {
  /** For the audit. */
  readonly name: string
  /** Left out: `view`. */
  readonly rights?: readonly Right[]
}

/** How visitors are identified. */
export interface Access {
  /** The visitor; undefined for one who must log in first, or has no access. */
  visitorOf(request: Request): Promise<KnownVisitor | undefined> | KnownVisitor | undefined
  /** Login and logout, if done here; undefined if a program that embeds the monitor identifies its users. */
  readonly login: Login | undefined
}

/** A visitor, and the token that their pages send with each change. */
export interface KnownVisitor {
  readonly name: string
  readonly rights: ReadonlySet<Right>
  readonly csrf: string
  /** Identified by a header that no other site can make a browser send: needs no token. */
  readonly bearer: boolean
}

/** A login by name and password, or by a token. */
export interface Login {
  /** The session cookie's value; undefined if name and secret do not match; 'later' after too many attempts. */
  enter(name: string, secret: string): Promise<string | undefined | 'later'>
  /** Ends the session of a request. */
  leave(request: Request): void
}

/** The rights of a visitor: only `view` unless changes are allowed at all. */
export function rightsOf(rights: readonly Right[] = ['view'], allowControl: boolean): ReadonlySet<Right> {
  return new Set(rights.filter((right) => RIGHTS.includes(right) && (allowControl || right === 'view')))
}
