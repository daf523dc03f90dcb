import type { Service } from '../runtime/service.ts'
import type { Channel, Connection, ServerInfo } from './broker.ts'

/** What a session tells whoever listens. */
export type SessionEvent =
  | { readonly kind: 'connected'; readonly server: ServerInfo; readonly attempts: number; readonly downtimeMs: number }
  | { readonly kind: 'lost'; readonly error: Error }
  | { readonly kind: 'retrying'; readonly error: Error; readonly attempt: number; readonly inMs: number }
  | { readonly kind: 'setup-failed'; readonly name: string; readonly error: Error; readonly inMs: number }
  | { readonly kind: 'channel-lost'; readonly name: string; readonly error: Error }
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'unblocked' }

/** A channel that is set up again, by the same code, on every connection and whenever it dies alone. */
export interface Kept extends AsyncDisposable {
  /** Resolves after the first successful setup; rejects only with an error that trying again can't mend, or when stopped. */
  readonly ready: Promise<void>
  /** True while the newest channel is open and its setup has completed. */
  readonly up: boolean
  /** The newest channel whose setup completed, while it is open. */
  readonly channel: Channel | undefined
}

/** Stays connected: one connection at a time, replaced when it dies, with every kept channel set up again. */
export interface Session extends Service {
  readonly connected: boolean
  readonly connection: Connection | undefined
  /** Calls `setup` with a new channel on the first connect and on the hundredth; `signal` aborts when that channel is gone. */
  keep(name: string, setup: (channel: Channel, signal: AbortSignal) => Promise<void>): Kept
  /** Lends a channel of its own, closed afterwards. Waits for a connection until `signal` aborts. */
  withChannel<T>(use: (channel: Channel) => Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T>
  /** Hears every event; returns how to stop listening. */
  listen(listener: (event: SessionEvent) => void): () => void
}
