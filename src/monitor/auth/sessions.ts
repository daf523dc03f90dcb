import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Right } from '../answers/session.ts'
import { cookieIn } from './cookie.ts'
import { type Access, type KnownVisitor, type Login, rightsOf } from './visitor.ts'

/** Someone who may log in. */
export interface User {
  readonly name: string
  readonly secret: string
  readonly rights: readonly Right[]
}

interface Session {
  readonly user: User
  readonly csrf: string
  readonly ends: number
}

const HOURS = 3_600_000
const LONGEST_SESSION = 12 * HOURS
const MOST_SESSIONS = 1_000
// Failed attempts of all clients together.
const TRIES_A_SECOND = 0.5
const TRIES_AT_ONCE = 10
const LONGEST_SECRET = 1_000

/** Users who log in with name and secret and are then identified by a cookie; programs send the secret as a bearer token. */
export class Sessions implements Access {
  readonly login: Login
  readonly #users: readonly User[]
  readonly #allowControl: boolean
  readonly #clock: Clock
  readonly #sessions = new Map<string, Session>()
  readonly #key = randomBytes(32)
  #tries: number = TRIES_AT_ONCE
  #refilled: number

  constructor(users: readonly User[], allowControl: boolean, clock: Clock) {
    this.#users = users
    this.#allowControl = allowControl
    this.#clock = clock
    this.#refilled = clock.monotonic()
    this.login = { enter: async (name, secret) => this.#enter(name, secret), leave: (request) => this.#leave(request) }
  }

  visitorOf(request: Request): KnownVisitor | undefined {
    const [, token] = /^Bearer (\S{1,1000})$/.exec(request.headers.get('authorization') ?? '') ?? []
    if (token !== undefined) {
      if (!this.#mayTry()) return undefined
      const user = this.#users.find(({ secret }) => this.#same(secret, token))
      if (user === undefined) this.#tries -= 1
      return user && { name: user.name, rights: rightsOf(user.rights, this.#allowControl), csrf: '', bearer: true }
    }
    const session = this.#sessions.get(cookieIn(request) ?? '')
    if (session === undefined || session.ends <= this.#clock.monotonic()) return undefined
    const { user, csrf } = session
    return { name: user.name, rights: rightsOf(user.rights, this.#allowControl), csrf, bearer: false }
  }

  #enter(name: string, secret: string): string | undefined | 'later' {
    if (!this.#mayTry()) return 'later'
    // Every user is compared, and the name too, so that the time does not reveal which names exist.
    const found = this.#users.filter((user) => this.#same(user.secret, secret) && this.#same(user.name, name))
    const [user] = found
    if (user === undefined || secret.length > LONGEST_SECRET) {
      this.#tries -= 1
      return undefined
    }
    const id = randomBytes(32).toString('base64url')
    const csrf = randomBytes(32).toString('base64url')
    this.#sessions.set(id, { user, csrf, ends: this.#clock.monotonic() + LONGEST_SESSION })
    if (this.#sessions.size > MOST_SESSIONS) {
      const [oldest] = this.#sessions.keys()
      this.#sessions.delete(oldest as string)
    }
    return id
  }

  #leave(request: Request): void {
    this.#sessions.delete(cookieIn(request) ?? '')
  }

  #mayTry(): boolean {
    const now = this.#clock.monotonic()
    this.#tries = Math.min(TRIES_AT_ONCE, this.#tries + ((now - this.#refilled) / 1000) * TRIES_A_SECOND)
    this.#refilled = now
    return this.#tries >= 1
  }

  /** Compares in a time that does not depend on where the values differ. */
  #same(a: string, b: string): boolean {
    const digest = (text: string) => createHmac('sha256', this.#key).update(text).digest()
    return timingSafeEqual(digest(a), digest(b))
  }
}
